// Samplers of distilled models: LCM (Luo et al. 2023) and TCD (Zheng et al. 2024). scheduling_lcm.py, scheduling_tcd.py.
#include <cmath>

#include "sampling/alpha_samplers.h"

namespace imagent {

Sampling sample_lcm(AlphaTask task) {
  Latents x = task.take();
  for (int i = 0; i < task.count(); ++i) {
    const AlphaStep& s = task.at(i);
    const Latents output = co_await task.output(x, i);
    const Prediction p = task.predict(x, output, i);
    // The boundary condition: at time 0 the model's answer is its input.
    const double t = s.time * task.timestep_scaling, data = 0.5, norm = t * t + data * data;
    const Latents image = sum(t / std::sqrt(norm) * p.image, data * data / norm * x);
    x = image;
    if (i + 1 < task.count()) x = sum(std::sqrt(s.alpha_next) * image, std::sqrt(1 - s.alpha_next) * task.noise());
    co_await task.done(x, image, i);
  }
  co_return x;
}

Sampling sample_tcd(AlphaTask task) {
  Latents x = task.take();
  for (int i = 0; i < task.count(); ++i) {
    const AlphaStep& s = task.at(i);
    const Latents output = co_await task.output(x, i);
    const Prediction p = task.predict(x, output, i);
    x = sum(std::sqrt(s.alpha_between) * p.image, std::sqrt(1 - s.alpha_between) * p.noise);
    if (task.eta > 0 && i + 1 < task.count()) {
      const double kept = s.alpha_next / s.alpha_between;
      x = sum(std::sqrt(kept) * x, std::sqrt(1 - kept) * task.noise());
    }
    co_await task.done(x, p.image, i);
  }
  co_return x;
}

}  // namespace imagent
