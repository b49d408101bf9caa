// Samplers are coroutines: each is the whole loop of its paper and suspends wherever it needs the model.
// A driver holds any number of them and resumes each by itself, so several images can share one call of the UNet:
//
//   Sampling run = plan.run(plan.start(noise), generator);       // sampling_plan.h
//   while (!run.finished()) {
//     if (run.wants_model()) run.answer(unet(run.call().input, run.call().timestep));
//     else { show(run.step()); run.resume(); }                  // after a step: progress, preview, blending
//   }
//   Latents image = run.take_result();
#pragma once
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "base/error.h"
#include "sampling/latents.h"

namespace imagent {

// What the sampler asks of the model.
struct ModelCall {
  Latents input;                     // scaled as the UNet wants it
  double timestep = 0;               // may be fractional
  const Latents* latents = nullptr;  // the same, unscaled, as the sampler's user sees latents
  double sigma = 0;                  // noise level: latents = sqrt(a) * image + sqrt(1 - a) * noise, sigma = sqrt((1 - a) / a)
  int step = 0, steps = 0;           // 0-based; an adaptive sampler counts steps up as it goes
  bool wants_unconditional = false;  // CFG++: answer() must also get the output without guidance
  double guidance_factor = 1;        // CFG++: multiply the guidance scale by it
};

// What the driver may look at, and change, after a model call. `intermediate`: the sampler is in the middle of a step of
// several calls (Heun's first half, ...); diffusers blends masks there too, progress should ignore it.
struct StepDone {
  int step = 0, steps = 0;           // `step` of `steps` is done
  bool intermediate = false;
  Latents* latents = nullptr;        // mutable; the sampler goes on from what stands here
  const Latents* denoised = nullptr; // the model's present idea of the clean image
  double next_sigma = 0;
  double next_timestep = 0;          // of the next call; 0 after the last step
};

class Sampling {
 public:
  struct promise_type {
    ModelCall call;
    std::optional<Latents> answer, unconditional;
    StepDone done;
    bool at_step = false;
    Latents result;
    std::exception_ptr error;

    Sampling get_return_object() { return Sampling(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_value(Latents x) { result = std::move(x); }
    void unhandled_exception() { error = std::current_exception(); }
  };

  Sampling(Sampling&& other) noexcept
      : handle_(std::exchange(other.handle_, {})), calls_left_(other.calls_left_), stopped_(other.stopped_) {}
  Sampling& operator=(Sampling&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(calls_left_, other.calls_left_);
    std::swap(stopped_, other.stopped_);
    return *this;
  }
  ~Sampling() {
    if (handle_) handle_.destroy();
  }

  // Runs to the first suspension; SamplingPlan::run() has done it already.
  void start() { advance(); }

  // Ends after that many model calls, with the latents that stand then (a refiner goes on from them).
  void stop_after(int calls) { calls_left_ = calls; }

  bool finished() const { return stopped_ || handle_.done(); }
  bool wants_model() const { return !finished() && !promise().at_step; }

  // Valid while wants_model(). The driver may move the input out, if it does not look at `latents` afterwards.
  ModelCall& call() { return promise().call; }
  // Valid while neither finished() nor wants_model().
  const StepDone& step() const { return promise().done; }

  // The raw model output (guidance applied; eps, v or x0 as the model predicts) for the present call. Runs on to the
  // next suspension. Exceptions of the sampler come out here and in resume(); the sampling is finished then.
  void answer(Latents output, std::optional<Latents> unconditional = std::nullopt) {
    check(wants_model(), "sampling: an answer, but nothing was asked");
    promise().answer = std::move(output);
    promise().unconditional = std::move(unconditional);
    --calls_left_;
    advance();
  }
  // Goes on after a step.
  void resume() {
    check(!finished() && promise().at_step, "sampling: the model's answer is awaited");
    if (calls_left_ == 0) {
      promise().result = *promise().done.latents;
      stopped_ = true;
    } else {
      advance();
    }
  }
  // The final latents, once finished.
  Latents take_result() {
    check(finished(), "sampling: not finished yet");
    return std::move(promise().result);
  }

 private:
  explicit Sampling(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  promise_type& promise() { return handle_.promise(); }
  const promise_type& promise() const { return handle_.promise(); }
  void advance() {
    promise().at_step = false;
    handle_.resume();
    if (promise().error) std::rethrow_exception(std::exchange(promise().error, nullptr));
  }

  std::coroutine_handle<promise_type> handle_;
  int calls_left_ = -1;  // below 0: no limit
  bool stopped_ = false;
};

}  // namespace imagent
