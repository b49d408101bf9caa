// The samplers that think in alphas_cumprod, as DDPM's paper does: x = sqrt(a) * image + sqrt(1 - a) * noise.
#pragma once
#include "sampling/denoiser.h"

namespace imagent {

// A model call at `time`, and the transition from alpha to alpha_next that it is used for.
struct AlphaStep {
  double time;
  double alpha, alpha_next;
  double alpha_between = 1;  // TCD: where its deterministic part lands, before new noise
};

struct AlphaTask {
  Latents x = {};
  std::vector<AlphaStep> steps = {};
  Generator* generator = nullptr;
  Parameterisation kind = Parameterisation::epsilon;
  Clipping clipping = {};
  double eta = 0;
  bool draws_always = false;     // draw noise also where its weight is 0: the generator moves on
  std::string variance_type = "fixed_small";
  double timestep_scaling = 10;  // LCM's boundary condition
  size_t prk = 0;                // PNDM: calls of its Runge-Kutta start
  bool eps_first = false;        // PLMS: turn outputs into noise before they are mixed (web UI)

  struct Awaiter {
    AlphaTask& task;
    const Latents& x;
    int i;
    bool guides_with_unconditional;
    Sampling::promise_type* promise = nullptr;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<Sampling::promise_type> handle) {
      promise = &handle.promise();
      task.ask(*promise, x, i, guides_with_unconditional);
    }
    Latents await_resume() {
      check(promise->answer && promise->answer->size() == x.size(), "sampling: the model's answer has another size than the latents");
      return std::move(*promise->answer);
    }
  };
  struct DoneAwaiter {
    AlphaTask& task;
    Latents& x;
    const Latents& image;
    int i;
    bool intermediate;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<Sampling::promise_type> handle) { task.show(handle.promise(), x, image, i, intermediate); }
    void await_resume() const noexcept {}
  };

  int count() const { return static_cast<int>(steps.size()); }
  const AlphaStep& at(int i) const { return steps[static_cast<size_t>(i)]; }
  Latents noise() const { return draw_noise(*generator, x.channels, x.height, x.width); }
  Prediction predict(const Latents& from, const Latents& output, int i) const;

  // `Latents output = co_await task.output(x, i)`: the raw model output of call i.
  Awaiter output(const Latents& latents, int i, bool guides_with_unconditional = false) {
    return {*this, latents, i, guides_with_unconditional};
  }
  // `co_await task.done(x, image, i)`: shows the driver what call i led to.
  DoneAwaiter done(Latents& latents, const Latents& image, int i, bool intermediate = false) {
    return {*this, latents, image, i, intermediate};
  }
  // Takes the values out; the shape stays.
  Latents take() { return std::move(x); }

 private:
  void ask(Sampling::promise_type& promise, const Latents& latents, int i, bool unconditional) const;
  void show(Sampling::promise_type& promise, Latents& latents, const Latents& image, int i, bool intermediate) const;
};

Sampling sample_ddim(AlphaTask task);
Sampling sample_ddim_cfgpp(AlphaTask task);     // CFG++ (Chung et al. 2024): the driver must give the unconditional output too
Sampling sample_ddpm(AlphaTask task);
Sampling sample_plms(AlphaTask task);           // PNDM: Runge-Kutta start, then linear multistep
Sampling sample_ipndm_angles(AlphaTask task);   // diffusers IPNDMScheduler
Sampling sample_lcm(AlphaTask task);
Sampling sample_tcd(AlphaTask task);

}  // namespace imagent
