// DDIM (Song et al. 2021) and DDPM (Ho et al. 2020): scheduling_ddim.py, scheduling_ddpm.py.
#include <algorithm>
#include <cmath>

#include "sampling/alpha_samplers.h"

namespace imagent {

// Equation 12: `direction` is the noise that points from the image to x.
static Latents ddim_update(const AlphaTask& task, const AlphaStep& s, const Latents& image, const Latents& direction) {
  const double variance = (1 - s.alpha_next) / (1 - s.alpha) * (1 - s.alpha / s.alpha_next);
  const double deviation = task.eta * std::sqrt(std::max(0.0, variance));
  const double along = std::sqrt(std::max(0.0, 1 - s.alpha_next - deviation * deviation));
  Latents x = sum(std::sqrt(s.alpha_next) * image, along * direction);
  if (task.eta > 0 || task.draws_always) x = sum(1 * x, deviation * task.noise());
  return x;
}

Sampling sample_ddim(AlphaTask task) {
  Latents x = task.take();
  for (int i = 0; i < task.count(); ++i) {
    const Latents output = co_await task.output(x, i);
    const Prediction p = task.predict(x, output, i);
    x = ddim_update(task, task.at(i), p.image, p.noise);
    co_await task.done(x, p.image, i);
  }
  co_return x;
}

Sampling sample_ddim_cfgpp(AlphaTask task) {
  Latents x = task.take();
  for (int i = 0; i < task.count(); ++i) {
    auto call = task.output(x, i, true);
    const Latents output = co_await call;
    check(call.promise->unconditional.has_value(), "CFG++: the output without guidance is missing");
    const Latents unguided = std::move(*call.promise->unconditional);
    const Prediction p = task.predict(x, output, i);
    x = ddim_update(task, task.at(i), p.image, task.predict(x, unguided, i).noise);
    co_await task.done(x, p.image, i);
  }
  co_return x;
}

static double ddpm_deviation(const std::string& type, double small, double large) {
  const double variance = std::max(small, 1e-20);
  if (type == "fixed_large") return std::sqrt(large);
  check(type == "fixed_small" || type == "fixed_small_log", ErrorKind::unsupported, "scheduler_config.json: variance_type is \"",
        type, "\", supported are fixed_small, fixed_small_log and fixed_large");
  return std::sqrt(variance);
}

Sampling sample_ddpm(AlphaTask task) {
  Latents x = task.take();
  for (int i = 0; i < task.count(); ++i) {
    const AlphaStep& s = task.at(i);
    const Latents output = co_await task.output(x, i);
    const Prediction p = task.predict(x, output, i);
    const double alpha = s.alpha / s.alpha_next, beta = 1 - alpha, rest = 1 - s.alpha;
    // Equation 7.
    x = sum(std::sqrt(s.alpha_next) * beta / rest * p.image, std::sqrt(alpha) * (1 - s.alpha_next) / rest * x);
    if (s.time > 0) {
      const double deviation = ddpm_deviation(task.variance_type, (1 - s.alpha_next) / rest * beta, beta);
      x = sum(1 * x, deviation * task.noise());
    }
    co_await task.done(x, p.image, i);
  }
  co_return x;
}

}  // namespace imagent
