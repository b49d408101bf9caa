// Euler and Euler ancestral: Karras et al. 2022, algorithm 2 without the correction; k-diffusion sample_euler(_ancestral).
#include <algorithm>
#include <cmath>

#include "sampling/solvers.h"

namespace imagent {

Latents Task::take() {
  Latents out = std::move(x);
  denoiser.inward(out, sigma(begin));
  return out;
}

Latents Task::give(Latents out, double sigma) const {
  denoiser.outward(out, sigma);
  return out;
}

Latents toward(const Latents& image, const Latents& x, double from, double to) {
  return sum(to / from * x, (1 - to / from) * image);
}

AncestralStep ancestral_step(double from, double to, double eta) {
  if (eta == 0) return {to, 0};
  const double up = std::min(to, eta * std::sqrt(to * to * (from * from - to * to) / (from * from)));
  return {std::sqrt(std::max(0.0, to * to - up * up)), up};
}

double churn(const Task& task, Latents& x, int i) {
  const double sigma = task.sigma(i);
  const bool within = task.churn.from <= sigma && sigma <= task.churn.to;
  const double gamma = within ? std::min(task.churn.amount / task.steps(), std::sqrt(2.0) - 1) : 0;
  const double raised = sigma * (gamma + 1);
  if (gamma > 0 || task.draws_always) {
    const Latents noise = task.noise(sigma, raised);
    if (gamma > 0) x = sum(1 * x, task.s_noise * std::sqrt(raised * raised - sigma * sigma) * noise);
  }
  return raised;
}

Sampling sample_euler(Task task) {
  const int n = task.steps();
  Latents x = task.take();
  for (int i = task.begin; i < n; ++i) {
    const double sigma = churn(task, x, i), next = task.sigma(i + 1);
    const Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    x = toward(image, x, sigma, next);
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

Sampling sample_euler_ancestral(Task task) {
  const int n = task.steps();
  Latents x = task.take();
  for (int i = task.begin; i < n; ++i) {
    const double sigma = task.sigma(i), next = task.sigma(i + 1);
    const Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    const auto [down, up] = ancestral_step(sigma, next, task.eta);
    x = toward(image, x, sigma, down);
    if (next > 0 || task.draws_always) x = sum(1 * x, task.s_noise * up * task.noise(sigma, next));
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

}  // namespace imagent
