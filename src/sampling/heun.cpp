// Heun (Karras et al. 2022, algorithm 2), Heun++ with weights that fall with the level, and Restart (Xu et al. 2023).
#include <algorithm>
#include <cmath>

#include "sampling/solvers.h"

namespace imagent {

// The slope dx/dsigma at x.
static Latents slope(const Latents& x, const Latents& image, double sigma) { return sum(1 / sigma * x, -1 / sigma * image); }

Sampling sample_heun(Task task) {
  const int n = task.steps();
  Latents x = task.take();
  for (int i = task.begin; i < n; ++i) {
    const double sigma = churn(task, x, i), next = task.sigma(i + 1);
    Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    if (next == 0) {
      x = toward(image, x, sigma, next);
    } else {
      const Latents d = slope(x, image, sigma);
      Latents ahead = toward(image, x, sigma, next);
      co_await task.denoiser.done(ahead, image, next, task.at(i), true);
      image = co_await task.denoiser.image(ahead, next, task.at(i));
      x = sum(1 * x, 0.5 * (next - sigma) * d, 0.5 * (next - sigma) * slope(ahead, image, next));
    }
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

Sampling sample_heunpp2(Task task) {
  const int n = task.steps();
  const double top = task.sigma(task.begin), end = task.sigma(n);
  Latents x = task.take();
  for (int i = task.begin; i < n; ++i) {
    const double sigma = churn(task, x, i), next = task.sigma(i + 1), step = next - sigma;
    Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    const Latents d1 = slope(x, image, sigma);
    Latents ahead = toward(image, x, sigma, next);
    if (next == end) {
      x = std::move(ahead);
    } else {
      const double after = task.sigma(i + 2);
      co_await task.denoiser.done(ahead, image, next, task.at(i), true);
      image = co_await task.denoiser.image(ahead, next, task.at(i));
      const Latents d2 = slope(ahead, image, next);
      if (after == end) {
        const double w2 = next / (2 * top);
        x = sum(1 * x, step * (1 - w2) * d1, step * w2 * d2);
      } else {
        Latents further = toward(image, ahead, next, after);
        co_await task.denoiser.done(further, image, after, task.at(i), true);
        image = co_await task.denoiser.image(further, after, task.at(i));
        const double w2 = next / (3 * top), w3 = after / (3 * top);
        x = sum(1 * x, step * (1 - w2 - w3) * d1, step * w2 * d2, step * w3 * slope(further, image, after));
      }
    }
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

static std::vector<double> karras_table(int count, double high, double low) {
  std::vector<double> table;
  for (const double sigma : karras_sigmas(high, low, count)) table.push_back(static_cast<float>(sigma));
  return table;
}

static size_t nearest(const std::vector<double>& table, double level) {
  const auto nearer = [&](double a, double b) { return std::abs(a - level) < std::abs(b - level); };
  return static_cast<size_t>(std::min_element(table.begin(), table.end(), nearer) - table.begin());
}

// The steps (from, to) of a run: with 20 steps or more the part from level 2 down to 0.1 is gone through again.
static std::vector<std::pair<double, double>> restart_steps(const std::vector<float>& sigmas) {
  const int steps = static_cast<int>(sigmas.size()) - 1;
  std::vector<double> table(sigmas.begin(), sigmas.end());
  int again = 0, times = 0;
  if (steps >= 20) {
    again = steps >= 36 ? steps / 4 : 9;
    times = steps >= 36 ? 2 : 1;
    table = karras_table(steps - again * times, sigmas[0], sigmas[sigmas.size() - 2]);
    table.push_back(0);
  }
  const size_t low = nearest(table, 0.1), high = nearest(table, 2);
  std::vector<std::pair<double, double>> out;
  for (size_t i = 0; i + 1 < table.size(); ++i) {
    out.emplace_back(table[i], table[i + 1]);
    if (times == 0 || i + 1 != low || high >= low) continue;
    const auto part = karras_table(again + 1, table[high], table[low]);
    for (int k = 0; k < times; ++k)
      for (size_t j = 0; j + 1 < part.size(); ++j) out.emplace_back(part[j], part[j + 1]);
  }
  return out;
}

Sampling sample_restart(Task task) {
  const auto steps = restart_steps({task.sigmas().begin() + task.begin, task.sigmas().end()});
  const int n = static_cast<int>(steps.size());
  Latents x = task.take();
  double last = steps.front().first;
  for (int i = 0; i < n; ++i) {
    const auto [sigma, next] = steps[static_cast<size_t>(i)];
    if (last < sigma) x = sum(1 * x, task.s_noise * std::sqrt(sigma * sigma - last * last) * task.noise(last, sigma));
    Latents image = co_await task.denoiser.image(x, sigma, {i, n});
    if (next == 0) {
      x = toward(image, x, sigma, next);
    } else {
      const Latents d = slope(x, image, sigma);
      Latents ahead = toward(image, x, sigma, next);
      co_await task.denoiser.done(ahead, image, next, {i, n}, true);
      image = co_await task.denoiser.image(ahead, next, {i, n});
      x = sum(1 * x, 0.5 * (next - sigma) * d, 0.5 * (next - sigma) * slope(ahead, image, next));
    }
    last = next;
    co_await task.denoiser.done(x, image, next, {i + 1, n});
  }
  co_return task.give(std::move(x), steps.back().second);
}

}  // namespace imagent
