// DPM-Solver-fast and DPM-Solver-adaptive (Lu et al. 2022) in terms of t = -log sigma; k-diffusion class DPMSolver.
#include <algorithm>
#include <array>
#include <cmath>

#include "sampling/solvers.h"

namespace imagent {

static double level(double t) { return std::exp(-t); }
static Latents noise_of(const Latents& x, const Latents& image, double t) {
  return sum(1 / level(t) * x, -1 / level(t) * image);
}

// Steps of order 1..3 from t over a width h; eps at t, at t + r1 h, at t + r2 h.
static Latents first_order(const Latents& x, double t, double h, const Latents& eps) {
  return sum(1 * x, -level(t + h) * std::expm1(h) * eps);
}
static Latents second_order(const Latents& x, double t, double h, double r1, const Latents& eps, const Latents& eps1) {
  const double base = -level(t + h) * std::expm1(h), extra = base / (2 * r1);
  return sum(1 * x, (base - extra) * eps, extra * eps1);
}
static Latents third_order_middle(const Latents& x, double t, double h, const Latents& eps, const Latents& eps1) {
  constexpr double r1 = 1.0 / 3, r2 = 2.0 / 3;
  const double e = std::expm1(r2 * h), extra = -level(t + r2 * h) * (r2 / r1) * (e / (r2 * h) - 1);
  return sum(1 * x, (-level(t + r2 * h) * e - extra) * eps, extra * eps1);
}
static Latents third_order(const Latents& x, double t, double h, const Latents& eps, const Latents& eps2) {
  const double e = std::expm1(h), extra = -level(t + h) / (2.0 / 3) * (e / h - 1);
  return sum(1 * x, (-level(t + h) * e - extra) * eps, extra * eps2);
}

// Where to step down to and how much noise makes up for it, never below the end.
static AncestralStep ancestral_time(double t, double t_next, double t_end, double eta) {
  if (eta == 0) return {t_next, 0};
  const double down = ancestral_step(level(t), level(t_next), eta).down;
  const double t_down = down > 0 ? std::min(t_end, -std::log(down)) : t_end;
  return {t_down, std::sqrt(std::max(0.0, std::pow(level(t_next), 2) - std::pow(level(t_down), 2)))};
}

Sampling sample_dpm_fast(Task task, LevelRange range, int calls) {
  const double start = -std::log(range.high), end = -std::log(range.low);
  const int n = calls / 3 + 1;
  std::vector<int> orders(static_cast<size_t>(n), 3);
  orders.back() = calls % 3 == 0 ? 1 : calls % 3;
  if (calls % 3 == 0 && n >= 2) orders[static_cast<size_t>(n) - 2] = 2;
  if (calls % 3 == 0 && n == 1) orders.clear();
  Latents x = std::move(task.x);
  for (int i = 0; i < static_cast<int>(orders.size()); ++i) {
    const double t = start + (end - start) * i / n, t_next = start + (end - start) * (i + 1) / n;
    const auto [t_down, up] = ancestral_time(t, t_next, end, task.eta);
    const double h = t_down - t;
    const int order = orders[static_cast<size_t>(i)];
    const Latents image = co_await task.denoiser.image(x, level(t), {i, n});
    const Latents eps = noise_of(x, image, t);
    if (order == 1) {
      x = first_order(x, t, h, eps);
    } else {
      const double r1 = order == 2 ? 0.5 : 1.0 / 3;
      Latents u1 = first_order(x, t, r1 * h, eps);
      const Latents image1 = co_await task.denoiser.image(u1, level(t + r1 * h), {i, n});
      const Latents eps1 = noise_of(u1, image1, t + r1 * h);
      if (order == 2) {
        x = second_order(x, t, h, r1, eps, eps1);
      } else {
        Latents u2 = third_order_middle(x, t, h, eps, eps1);
        const Latents image2 = co_await task.denoiser.image(u2, level(t + 2.0 / 3 * h), {i, n});
        x = third_order(x, t, h, eps, noise_of(u2, image2, t + 2.0 / 3 * h));
      }
    }
    x = sum(1 * x, task.s_noise * up * task.noise(level(t), level(t_next)));
    co_await task.denoiser.done(x, image, level(t_next), {i + 1, n});
  }
  co_return task.give(std::move(x), range.low);
}

namespace {
// Chooses the width of the next step from the errors so far (a PID controller, here with its integral part only).
class StepSize {
 public:
  StepSize(double h, double order) : h_(h), exponent_(1 / order) {}
  double width() const { return h_; }
  bool propose(double error) {
    const double factor = 1 + std::atan(std::pow(1 / (error + 1e-8), exponent_) - 1);
    h_ *= factor;
    return factor >= 0.81;
  }

 private:
  double h_, exponent_;
};
}  // namespace

// The difference of two orders in units of what is tolerated, root mean square.
static double error_of(const Latents& low, const Latents& high, const Latents& before) {
  double total = 0;
  for (size_t i = 0; i < low.size(); ++i) {
    const double scale = std::max(0.0078, 0.05 * std::max(std::abs(low.values[i]), std::abs(before.values[i])));
    total += std::pow((low.values[i] - high.values[i]) / scale, 2);
  }
  return std::sqrt(total / static_cast<double>(low.size()));
}

Sampling sample_dpm_adaptive(Task task, LevelRange range) {
  constexpr double r1 = 1.0 / 3, r2 = 2.0 / 3;
  const double end = -std::log(range.low);
  StepSize size(0.05, task.eta > 0 ? 1.5 : 3);
  Latents x = std::move(task.x), before = x;
  double t = -std::log(range.high);
  for (int i = 0; t < end - 1e-5; ++i) {
    check(i < 10000, ErrorKind::unsupported, "DPM adaptive: no end after ", i, " steps; the model's answers are too rough for it");
    const double t_next = std::min(end, t + size.width());
    const auto [t_down, up] = ancestral_time(t, t_next, end, task.eta);
    const double h = t_down - t;
    const Latents image = co_await task.denoiser.image(x, level(t), {i, i + 1});
    const Latents eps = noise_of(x, image, t);
    Latents u1 = first_order(x, t, r1 * h, eps);
    const Latents image1 = co_await task.denoiser.image(u1, level(t + r1 * h), {i, i + 1});
    const Latents eps1 = noise_of(u1, image1, t + r1 * h);
    Latents u2 = third_order_middle(x, t, h, eps, eps1);
    const Latents image2 = co_await task.denoiser.image(u2, level(t + r2 * h), {i, i + 1});
    Latents low = second_order(x, t, h, r1, eps, eps1);
    const Latents high = third_order(x, t, h, eps, noise_of(u2, image2, t + r2 * h));
    if (size.propose(error_of(low, high, before))) {
      before = std::move(low);
      x = sum(1 * high, task.s_noise * up * task.noise(level(t), level(t_next)));
      t = t_next;
    }
    const bool last = t >= end - 1e-5;
    co_await task.denoiser.done(x, image, level(t), {i + 1, last ? i + 1 : i + 2});
  }
  co_return task.give(std::move(x), range.low);
}

}  // namespace imagent
