// DPM++ SDE (k-diffusion sample_dpmpp_sde, diffusers DPMSolverSDEScheduler), and LCM and DDPM over noise levels.
#include <cmath>

#include "sampling/solvers.h"

namespace imagent {

// Levels go through f32 logarithms as in the original: the Brownian tree is asked at these very levels.
static float log_level(double sigma) { return -std::log(static_cast<float>(sigma)); }
static double level(float t) { return std::exp(-t); }

Sampling sample_dpmpp_sde(Task task) {
  const int n = task.steps();
  Latents x = task.take();
  for (int i = task.begin; i < n; ++i) {
    const double sigma = task.sigma(i), next = task.sigma(i + 1);
    Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    if (next == 0) {
      x = toward(image, x, sigma, next);
    } else {
      const float t = log_level(sigma), t_next = log_level(next), s = t + (t_next - t) * 0.5f;
      const double from = level(t), middle = level(s), to = level(t_next);
      const auto first = ancestral_step(from, middle, task.eta);
      Latents half = toward(image, x, from, first.down);
      half = sum(1 * half, task.s_noise * first.up * task.noise(from, middle));
      co_await task.denoiser.done(half, image, middle, task.at(i), true);
      image = co_await task.denoiser.image_between(half, middle, task.at(i));
      const auto second = ancestral_step(from, to, task.eta);
      x = toward(image, x, from, second.down);
      x = sum(1 * x, task.s_noise * second.up * task.noise(from, to));
    }
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

Sampling sample_consistency(Task task) {
  const int n = task.steps();
  Latents x = task.take();
  for (int i = task.begin; i < n; ++i) {
    const double sigma = task.sigma(i), next = task.sigma(i + 1);
    const Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    x = image;
    if (next > 0) x = sum(1 * x, next * task.noise(sigma, next));
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

Sampling sample_ddpm_sigmas(Task task) {
  const int n = task.steps();
  Latents x = task.take();
  for (int i = task.begin; i < n; ++i) {
    const double sigma = task.sigma(i), next = task.sigma(i + 1);
    const Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    const double bar = 1 / (sigma * sigma + 1), bar_next = 1 / (next * next + 1), alpha = bar / bar_next;
    // In variance-preserving terms: x sqrt(bar), noise (x - image) / sigma; back again by 1 / sqrt(bar_next).
    const double scale = 1 / std::sqrt(alpha * bar_next), share = (1 - alpha) / std::sqrt(1 - bar) / sigma;
    x = sum(scale * (std::sqrt(bar) - share) * x, scale * share * image);
    if (next > 0) {
      const double variance = (1 - alpha) * (1 - bar_next) / (1 - bar);
      x = sum(1 * x, task.s_noise * std::sqrt(variance / bar_next) * task.noise(sigma, next));
    }
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

}  // namespace imagent
