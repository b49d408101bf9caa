// Between a sampler and the model: scales inputs, tells the time, and turns eps, v or x0 into the clean image.
// Samplers that think in noise levels (sigma) see latents as image + sigma * noise; what their user sees may be that
// (`scaled` false: Euler and the k-diffusion family) or the same divided by sqrt(1 + sigma^2) (the DPM-Solver family).
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "sampling/sampling.h"
#include "sampling/spacing.h"

namespace imagent {

enum class Parameterisation { epsilon, v, sample };
enum class TimeRule {
  plan,       // the plan's own times, in between by log interpolation (diffusers)
  log_interpolated,  // A1111
  nearest,    // Forge, A1111 with quantisation
  lcm,        // 50 distilled times, and the consistency model's boundary condition on the output
};

// What is done to a predicted clean image: clamped, or dynamically thresholded (Saharia et al. 2022), or nothing.
struct Clipping {
  bool clip = false, threshold = false;
  double range = 1, quantile = 0.995, most = 1;
};
void apply(const Clipping& clipping, Latents& image);

struct Prediction {
  Latents image, noise;
};
// From a model output at x = alpha * image + sigma * noise. The noise is not affected by clipping.
Prediction predict(Parameterisation kind, const Clipping& clipping, const Latents& x, const Latents& output, double alpha,
                   double sigma);

class Denoiser {
 public:
  struct Rules {
    Parameterisation kind = Parameterisation::epsilon;
    Clipping clipping;
    TimeRule time = TimeRule::plan;
    bool scaled = false;
  };
  Denoiser(Rules rules, NoiseSchedule schedule, SigmaPlan plan)
      : rules_(rules), schedule_(std::move(schedule)), plan_(std::move(plan)) {}

  double time(double sigma) const;
  double time_between(double sigma) const;  // of a level that is not in the plan, though it may equal one of its levels
  const SigmaPlan& plan() const { return plan_; }

  // From the user's latents to image + sigma * noise, and back.
  void inward(Latents& x, double sigma) const;
  void outward(Latents& x, double sigma) const;

  struct Position {
    int step, steps;
  };

  // `Latents image = co_await denoiser.image(x, sigma, {step, steps})`: suspends for the model.
  auto image(const Latents& x, double sigma, Position position) const { return ImageAwaiter{*this, x, sigma, position, nullptr, false}; }

  // The same at a level in the middle of a step.
  auto image_between(const Latents& x, double sigma, Position position) const {
    return ImageAwaiter{*this, x, sigma, position, nullptr, true};
  }

  // `co_await denoiser.done(x, image, sigma_next, {steps done, steps})`: shows a step to the driver, who may change x.
  auto done(Latents& x, const Latents& image, double sigma_next, Position position, bool intermediate = false) const {
    return DoneAwaiter{*this, x, image, sigma_next, position, intermediate};
  }

 private:
  using Handle = std::coroutine_handle<Sampling::promise_type>;
  struct ImageAwaiter {
    const Denoiser& denoiser;
    const Latents& x;
    double sigma;
    Position position;
    Sampling::promise_type* promise;
    bool between;
    bool await_ready() const noexcept { return false; }
    void await_suspend(Handle handle) {
      promise = &handle.promise();
      denoiser.ask(*promise, x, sigma, position);
      if (between) promise->call.timestep = denoiser.time_between(sigma);
    }
    Latents await_resume() { return denoiser.receive(*promise, x, sigma); }
  };
  struct DoneAwaiter {
    const Denoiser& denoiser;
    Latents& x;
    const Latents& image;
    double sigma;
    Position position;
    bool intermediate;
    bool await_ready() const noexcept { return false; }
    void await_suspend(Handle handle) {
      denoiser.outward(x, sigma);
      const double time = sigma > 0 && position.step < position.steps ? denoiser.time(sigma) : 0;
      handle.promise().done = {position.step, position.steps, intermediate, &x, &image, sigma, time};
      handle.promise().at_step = true;
    }
    void await_resume() { denoiser.inward(x, sigma); }
  };

  void ask(Sampling::promise_type& promise, const Latents& x, double sigma, Position position) const;
  Latents receive(Sampling::promise_type& promise, const Latents& x, double sigma) const;

  Rules rules_;
  NoiseSchedule schedule_;
  SigmaPlan plan_;
};

}  // namespace imagent
