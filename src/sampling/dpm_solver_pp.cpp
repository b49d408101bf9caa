// DPM-Solver, DPM-Solver++ and their SDE forms: diffusers scheduling_dpmsolver_{multistep,singlestep}.py, k-diffusion
// sample_dpmpp_2m, _2m_sde and _3m_sde. With h = log(from / to), all share one exponential integrator.
#include <algorithm>
#include <cmath>
#include <deque>

#include "sampling/solvers.h"

namespace imagent {

ExponentialStep exponential_step(const ExponentialOptions& o, int order, double from, double to, double eta) {
  if (to == 0) return {0, 1, 0, 0, 0};
  const double h = std::log(from / to);
  const bool second = order == 2 && !o.heun;
  if (o.noise_prediction) {
    const double factor = -(1 + eta) * to, e = std::expm1(h);
    const double d1 = second ? 0.5 * e : e / h - 1;
    return {1, factor * e, factor * d1, factor * ((e - h) / (h * h) - 0.5), eta * to * std::sqrt(std::expm1(2 * h))};
  }
  const double he = h * (1 + eta), phi1 = -std::expm1(-he), phi2 = 1 - phi1 / he;
  const bool flipped = eta > 0 && o.diffusers_third_order_sde;
  return {std::exp(-he), phi1, second ? 0.5 * phi1 : phi2, -phi2 / he + (flipped ? -0.5 : 0.5),
          eta > 0 ? to * std::sqrt(-std::expm1(-2 * h * eta)) : 0};
}

// What the solver keeps of a step: the predicted image, or noise.
static Latents kept(const ExponentialOptions& o, const Latents& x, const Latents& image, double sigma) {
  return o.noise_prediction ? sum(1 / sigma * x, -1 / sigma * image) : image;
}

static int multistep_order(const Task& task, const ExponentialOptions& o, int i) {
  const int n = task.steps(), left = n - i;
  const bool few = o.lower_order_final && n < 15;
  if (task.sigma(i + 1) == 0 || (left == 1 && (o.euler_at_final || few))) return 1;
  const int most = std::min(o.order, i - task.begin + 1);
  return few ? std::min(most, left) : most;
}

// The step with backward differences; the outputs are the newest first, at levels i, i - 1, i - 2.
static Latents multistep_update(const Task& task, const ExponentialStep& c, const Latents& x,
                                const std::deque<Latents>& outputs, int i, int order) {
  if (order == 1) return sum(c.x * x, c.d0 * outputs[0]);
  const double h = std::log(task.sigma(i) / task.sigma(i + 1));
  const double r0 = std::log(task.sigma(i - 1) / task.sigma(i)) / h;
  const Latents d0 = sum(1 / r0 * outputs[0], -1 / r0 * outputs[1]);
  if (order == 2) return sum(c.x * x, c.d0 * outputs[0], c.d1 * d0);
  const double r1 = std::log(task.sigma(i - 2) / task.sigma(i - 1)) / h;
  const Latents d1 = sum(1 / r1 * outputs[1], -1 / r1 * outputs[2]);
  const double w = r0 / (r0 + r1);
  const Latents slope = sum((1 + w) * d0, -w * d1), curve = sum(1 / (r0 + r1) * d0, -1 / (r0 + r1) * d1);
  return sum(c.x * x, c.d0 * outputs[0], c.d1 * slope, c.d2 * curve);
}

static void add_noise_of(const Task& task, Latents& x, double factor, double sigma, double next) {
  if (task.eta > 0 && (next > 0 || task.draws_always)) x = sum(1 * x, task.s_noise * factor * task.noise(sigma, next));
}

Sampling dpm_multistep(Task task, ExponentialOptions options) {
  const int n = task.steps();
  Latents x = task.take();
  std::deque<Latents> outputs;  // the newest first
  for (int i = task.begin; i < n; ++i) {
    const double sigma = task.sigma(i), next = task.sigma(i + 1);
    const Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    outputs.push_front(kept(options, x, image, sigma));
    if (outputs.size() > 3) outputs.pop_back();
    const int order = multistep_order(task, options, i);
    const ExponentialStep c = exponential_step(options, order, sigma, next, task.eta);
    x = multistep_update(task, c, x, outputs, i, order);
    add_noise_of(task, x, c.noise, sigma, next);
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

// Orders of the calls of a singlestep run, e.g. 1 2 1 2 1 1: a group 1 2 3 is one step of order 3 in three calls.
static std::vector<int> singlestep_orders(const Task& task, const ExponentialOptions& o) {
  const int n = task.steps();
  const bool to_zero = task.sigma(n) == 0;
  // A run that does not fit whole groups, or ends at zero, must lower the order at its end.
  const bool lower = o.lower_order_final || n % o.order != 0 || to_zero;
  std::vector<int> orders;
  for (int i = 0; i < n; ++i) orders.push_back(i % o.order + 1);
  if (lower && o.order == 2 && n % 2 == 0) orders.back() = 1;
  if (lower && o.order == 3 && n % 3 == 0) orders.back() = 1;
  if (to_zero) orders.back() = 1;
  return orders;
}

// One call of a singlestep group; outputs newest first, the group began at level i - order + 1 with `start`.
static Latents singlestep_update(const Task& task, const ExponentialOptions& o, const ExponentialStep& c,
                                 const Latents& start, const std::deque<Latents>& m, int i, int order) {
  if (order == 1) return sum(c.x * start, c.d0 * m[0]);
  const double from = task.sigma(i - order + 1), h = std::log(from / task.sigma(i + 1));
  const double r0 = std::log(from / task.sigma(i)) / h;
  if (order == 2) return sum(c.x * start, c.d0 * m[1], c.d1 / r0 * m[0], -c.d1 / r0 * m[1]);
  const double r1 = std::log(from / task.sigma(i - 1)) / h;
  const Latents near = sum(1 / r1 * m[1], -1 / r1 * m[2]), far = sum(1 / r0 * m[0], -1 / r0 * m[2]);
  if (!o.heun) return sum(c.x * start, c.d0 * m[2], c.d1 * far);
  const double width = r0 - r1;
  return sum(c.x * start, c.d0 * m[2], c.d1 * sum(r0 / width * near, -r1 / width * far),
             c.d2 * sum(2 / width * far, -2 / width * near));
}

Sampling dpm_singlestep(Task task, ExponentialOptions options) {
  const int n = task.steps();
  const std::vector<int> orders = singlestep_orders(task, options);
  Latents x = task.take(), start = x;
  std::deque<Latents> outputs;  // the newest first
  for (int i = task.begin; i < n; ++i) {
    const double sigma = task.sigma(i), next = task.sigma(i + 1);
    const Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    outputs.push_front(kept(options, x, image, sigma));
    if (outputs.size() > 3) outputs.pop_back();
    const int order = std::min(orders[static_cast<size_t>(i)], static_cast<int>(outputs.size()));
    if (order == 1) start = x;
    const ExponentialStep c = exponential_step(options, order, task.sigma(i - order + 1), next, task.eta);
    x = singlestep_update(task, options, c, start, outputs, i, order);
    add_noise_of(task, x, c.noise, sigma, next);
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

}  // namespace imagent
