// DPM2, DPM2 ancestral and DPM++ 2S ancestral: second-order steps through a level in the middle (k-diffusion).
#include <cmath>

#include "sampling/solvers.h"

namespace imagent {

Sampling sample_dpm2(Task task) {
  const int n = task.steps();
  Latents x = task.take();
  for (int i = task.begin; i < n; ++i) {
    const double sigma = churn(task, x, i), next = task.sigma(i + 1);
    Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    if (next == 0) {
      x = toward(image, x, sigma, next);
    } else {
      const double middle = std::sqrt(sigma * next);
      Latents half = toward(image, x, sigma, middle);
      co_await task.denoiser.done(half, image, middle, task.at(i), true);
      image = co_await task.denoiser.image_between(half, middle, task.at(i));
      x = sum(1 * x, (next - sigma) / middle * half, -(next - sigma) / middle * image);
    }
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

Sampling sample_dpm2_ancestral(Task task) {
  const int n = task.steps();
  Latents x = task.take();
  for (int i = task.begin; i < n; ++i) {
    const double sigma = task.sigma(i), next = task.sigma(i + 1);
    Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    const auto [down, up] = ancestral_step(sigma, next, task.eta);
    if (down == 0) {
      x = toward(image, x, sigma, down);
    } else {
      const double middle = std::sqrt(sigma * down);
      Latents half = toward(image, x, sigma, middle);
      co_await task.denoiser.done(half, image, middle, task.at(i), true);
      image = co_await task.denoiser.image_between(half, middle, task.at(i));
      x = sum(1 * x, (down - sigma) / middle * half, -(down - sigma) / middle * image);
      x = sum(1 * x, task.s_noise * up * task.noise(sigma, next));
    }
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

Sampling sample_dpmpp_2s_ancestral(Task task) {
  const int n = task.steps();
  Latents x = task.take();
  for (int i = task.begin; i < n; ++i) {
    const double sigma = task.sigma(i), next = task.sigma(i + 1);
    Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    const auto [down, up] = ancestral_step(sigma, next, task.eta);
    if (down > 0) {
      const double middle = std::sqrt(sigma * down);
      Latents half = toward(image, x, sigma, middle);
      co_await task.denoiser.done(half, image, middle, task.at(i), true);
      image = co_await task.denoiser.image_between(half, middle, task.at(i));
    }
    x = toward(image, x, sigma, down);
    if (next > 0) x = sum(1 * x, task.s_noise * up * task.noise(sigma, next));
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

}  // namespace imagent
