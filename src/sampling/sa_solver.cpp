// SA-Solver (Xue et al. 2023): stochastic Adams predictor and corrector. scheduling_sasolver.py.
#include <algorithm>
#include <cmath>
#include <deque>

#include "sampling/solvers.h"

namespace imagent {

// Noise is renewed in the middle of the run only.
static double tau_at(double time) { return time >= 200 && time <= 800 ? 1 : 0; }

// Coefficients of the product over k != j of (l - nodes[k]) / (nodes[j] - nodes[k]), highest power first.
static std::vector<double> lagrange_polynomial(const std::vector<double>& nodes, size_t j) {
  std::vector<double> p = {1};
  for (size_t k = 0; k < nodes.size(); ++k) {
    if (k == j) continue;
    std::vector<double> q(p.size() + 1);
    const double width = nodes[j] - nodes[k];
    for (size_t i = 0; i < p.size(); ++i) {
      q[i] += p[i] / width;
      q[i + 1] -= p[i] * nodes[k] / width;
    }
    p = std::move(q);
  }
  return p;
}

// Integral from a to b of l^power e^(rate l): by parts, in closed form.
static double exponential_moment(int power, double a, double b, double rate) {
  const double edges = std::exp(rate * b) * std::pow(b, power) - std::exp(rate * a) * std::pow(a, power);
  return (power == 0 ? edges : edges - power * exponential_moment(power - 1, a, b, rate)) / rate;
}

namespace {
struct SaStep {
  double from, to, tau;
  bool predict_x0;
  double lambda_from() const { return -std::log(from); }
  double lambda_to() const { return -std::log(to); }
  double h() const { return std::log(from / to); }

  // Weights of the outputs at the levels of `nodes` (log SNRs, the newest first).
  std::vector<double> weights(const std::vector<double>& nodes) const {
    const double rate = predict_x0 ? 1 + tau * tau : -1;
    std::vector<double> out;
    for (size_t j = 0; j < nodes.size(); ++j) {
      const auto p = lagrange_polynomial(nodes, j);
      double total = 0;
      for (size_t k = 0; k < p.size(); ++k)
        total += p[k] * exponential_moment(static_cast<int>(p.size() - 1 - k), lambda_from(), lambda_to(), rate);
      out.push_back(total);
    }
    return out;
  }

  // What second order adds to the newest weight and takes from the other, divided by the distance of the two.
  double second_order_term(bool predictor) const {
    const double s = 1 + tau * tau, width = h();
    const double rest = (width * s - 1 + std::exp(-s * width)) / (s * s);
    return std::exp(s * lambda_to()) * (predictor ? width * width / 2 - rest : width / 2 - rest / width);
  }

  Latents apply(const Latents& x, const std::vector<double>& weights, const std::vector<const Latents*>& outputs,
                const Latents& noise) const {
    const double s = 1 + tau * tau;
    const double each = predict_x0 ? s * to * std::exp(-tau * tau * lambda_to()) : -s;
    const double noise_factor = predict_x0 ? to * std::sqrt(-std::expm1(-2 * tau * tau * h()))
                                           : tau * to * std::sqrt(std::expm1(2 * h()));
    std::vector<Term> terms = {(predict_x0 ? std::exp(-tau * tau * h()) * to / from : 1) * x, noise_factor * noise};
    for (size_t k = 0; k < weights.size(); ++k) terms.push_back(each * weights[k] * *outputs[k]);
    return sum(terms.data(), terms.size());
  }
};
}  // namespace

// Log SNRs of the levels i, i - 1, ..
static std::vector<double> log_snrs(const Task& task, int i, int count) {
  std::vector<double> out;
  for (int k = 0; k < count; ++k) out.push_back(-std::log(task.sigma(i - k)));
  return out;
}

static Latents corrected(const Task& task, const SaOptions& o, int i, int order, const Latents& last,
                         const std::deque<Latents>& outputs, const Latents& output, const Latents& noise) {
  const SaStep step{task.sigma(i - 1), task.sigma(i), tau_at(task.denoiser.time(task.sigma(i - 1))), o.predict_x0};
  auto weights = step.weights(log_snrs(task, i, order));
  if (o.predict_x0 && order == 2) {
    weights[0] += step.second_order_term(false);
    weights[1] -= step.second_order_term(false);
  }
  std::vector<const Latents*> used = {&output};
  for (int k = 1; k < order; ++k) used.push_back(&outputs[static_cast<size_t>(k) - 1]);
  return step.apply(last, weights, used, noise);
}

static Latents predicted(const Task& task, const SaOptions& o, int i, int order, const Latents& x,
                         const std::deque<Latents>& outputs, const Latents& noise) {
  const SaStep step{task.sigma(i), task.sigma(i + 1), tau_at(task.denoiser.time(task.sigma(i))), o.predict_x0};
  const auto nodes = log_snrs(task, i, order);
  auto weights = step.weights(nodes);
  if (o.predict_x0 && order == 2) {
    weights[0] += step.second_order_term(true) / (nodes[0] - nodes[1]);
    weights[1] -= step.second_order_term(true) / (nodes[0] - nodes[1]);
  }
  std::vector<const Latents*> used;
  for (int k = 0; k < order; ++k) used.push_back(&outputs[static_cast<size_t>(k)]);
  return step.apply(x, weights, used, noise);
}

Sampling sample_sa_solver(Task task, SaOptions options) {
  const int n = task.steps();
  Latents x = task.take(), last, noise;
  std::deque<Latents> outputs;  // the newest first
  int corrector_order = 0;
  for (int i = task.begin; i < n; ++i) {
    const double sigma = task.sigma(i), next = task.sigma(i + 1);
    const Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    const Latents output = options.predict_x0 ? image : sum(1 / sigma * x, -1 / sigma * image);
    if (i > task.begin) x = corrected(task, options, i, corrector_order, last, outputs, output, noise);
    outputs.push_front(output);
    if (outputs.size() > 4) outputs.pop_back();
    noise = task.noise(sigma, next);
    const int done = i - task.begin, left = n - i;
    const int reach = std::min(done, std::max(options.predictor_order, options.corrector_order - 1));
    int predictor_order = std::min(options.predictor_order, reach + 1);
    corrector_order = std::min(options.corrector_order, reach + 2);
    if (options.lower_order_final) {
      predictor_order = std::min(predictor_order, left);
      corrector_order = std::min(corrector_order, left + 1);
    }
    last = x;
    x = predicted(task, options, i, predictor_order, x, outputs, noise);
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

}  // namespace imagent
