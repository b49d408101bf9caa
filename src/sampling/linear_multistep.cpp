// Linear multistep samplers: LMS (Katherine Crowson), iPNDM (Liu et al. 2022), DEIS (Zhang & Chen 2022).
#include <algorithm>
#include <cmath>
#include <deque>

#include "sampling/solvers.h"

namespace imagent {

Sampling linear_multistep(Task task, SlopeCoefficients coefficients) {
  const int n = task.steps();
  Latents x = task.take();
  std::deque<Latents> slopes;  // the newest first
  for (int i = task.begin; i < n; ++i) {
    const double sigma = task.sigma(i), next = task.sigma(i + 1);
    const Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    slopes.push_front(sum(1 / sigma * x, -1 / sigma * image));
    if (slopes.size() > 4) slopes.pop_back();
    const auto& weights = coefficients[static_cast<size_t>(i)];
    std::vector<Term> terms = {1 * x};
    for (size_t j = 0; j < std::min(weights.size(), slopes.size()); ++j) terms.push_back(weights[j] * slopes[j]);
    x = sum(terms.data(), terms.size());
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

// Integral from a to b of the product over k != j of (t - nodes[k]) / (nodes[j] - nodes[k]).
static double lagrange_integral(const std::vector<double>& nodes, size_t j, double a, double b) {
  // Three Gauss points integrate degree 5 exactly; at most 3 is needed.
  constexpr double points[] = {-0.7745966692414834, 0, 0.7745966692414834}, weights[] = {5.0 / 9, 8.0 / 9, 5.0 / 9};
  double total = 0;
  for (int p = 0; p < 3; ++p) {
    const double t = 0.5 * (a + b) + 0.5 * (b - a) * points[p];
    double value = weights[p];
    for (size_t k = 0; k < nodes.size(); ++k)
      if (k != j) value *= (t - nodes[k]) / (nodes[j] - nodes[k]);
    total += value;
  }
  return 0.5 * (b - a) * total;
}

// sigma[i], sigma[i - 1], .. `order` of them.
static std::vector<double> last_levels(const std::vector<float>& sigmas, int i, int order) {
  std::vector<double> levels;
  for (int k = 0; k < order; ++k) levels.push_back(sigmas[static_cast<size_t>(i - k)]);
  return levels;
}

SlopeCoefficients lms_coefficients(const std::vector<float>& sigmas, int steps) {
  SlopeCoefficients out;
  for (int i = 0; i < steps; ++i) {
    const auto levels = last_levels(sigmas, i, std::min(i + 1, 4));
    std::vector<double> row;
    for (size_t j = 0; j < levels.size(); ++j)
      row.push_back(lagrange_integral(levels, j, levels[0], sigmas[static_cast<size_t>(i) + 1]));
    out.push_back(std::move(row));
  }
  return out;
}

// Adams-Bashforth for equal steps, used whatever the steps are.
SlopeCoefficients ipndm_coefficients(const std::vector<float>& sigmas, int steps) {
  static const SlopeCoefficients table = {
      {1}, {3.0 / 2, -1.0 / 2}, {23.0 / 12, -16.0 / 12, 5.0 / 12}, {55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24}};
  SlopeCoefficients out;
  for (int i = 0; i < steps; ++i) {
    auto row = table[static_cast<size_t>(std::min(i, 3))];
    for (double& weight : row) weight *= double{sigmas[static_cast<size_t>(i) + 1]} - sigmas[static_cast<size_t>(i)];
    out.push_back(std::move(row));
  }
  return out;
}

// One row of iPNDM_v: h[k] is the width of the step k steps ago (h[0] the present one).
static std::vector<double> variable_row(const std::vector<double>& h) {
  if (h.size() == 1) return {1};
  const double r = h[0] / h[1];
  if (h.size() == 2) return {(2 + r) / 2, -r / 2};
  const double q = h[1] / h[2];
  const double t1 = (1 - h[0] / (3 * (h[0] + h[1])) * (h[0] * (h[0] + h[1])) / (h[1] * (h[1] + h[2]))) / 2;
  if (h.size() == 3) return {(2 + r) / 2 + t1, -r / 2 - (1 + q) * t1, t1 * q};
  const double t2 = ((1 - h[0] / (3 * (h[0] + h[1]))) / 2 +
                     (1 - h[0] / (2 * (h[0] + h[1]))) * h[0] / (6 * (h[0] + h[1] + h[2]))) *
                    (h[0] * (h[0] + h[1]) * (h[0] + h[1] + h[2])) / (h[1] * (h[1] + h[2]) * (h[1] + h[2] + h[3]));
  const double s = h[1] * (h[1] + h[2]) / (h[2] * (h[2] + h[3]));
  return {(2 + r) / 2 + t1 + t2, -r / 2 - (1 + q) * t1 - (1 + q + s) * t2, t1 * q + (q + s * (1 + h[2] / h[3])) * t2,
          -t2 * s * q};
}

SlopeCoefficients ipndm_v_coefficients(const std::vector<float>& sigmas, int steps) {
  SlopeCoefficients out;
  for (int i = 0; i < steps; ++i) {
    std::vector<double> widths;
    for (int k = 0; k < std::min(i + 1, 4); ++k)
      widths.push_back(double{sigmas[static_cast<size_t>(i - k) + 1]} - sigmas[static_cast<size_t>(i - k)]);
    auto row = variable_row(widths);
    for (double& weight : row) weight *= widths[0];
    out.push_back(std::move(row));
  }
  return out;
}

// Antiderivatives over rho of the Lagrange polynomials in log rho: node b, other nodes c (and d).
static double log_integral(double t, double b, double c) {
  return t * (-std::log(c) + std::log(t) - 1) / (std::log(b) - std::log(c));
}
static double log_integral(double t, double b, double c, double d) {
  const double lt = std::log(t), lb = std::log(b), lc = std::log(c), ld = std::log(d);
  return t * (lc * (ld - lt + 1) - ld * lt + ld + lt * lt - 2 * lt + 2) / ((lb - lc) * (lb - ld));
}

SlopeCoefficients deis_rho_coefficients(const std::vector<float>& sigmas, int steps, int begin, int order, bool lower_order_final) {
  SlopeCoefficients out;
  const bool few = lower_order_final && steps < 15;
  for (int i = 0; i < steps; ++i) {
    int now = std::min(order, std::max(i - begin, 0) + 1);
    if (few) now = std::min(now, steps - i);
    const auto rho = last_levels(sigmas, i, now);
    const double to = sigmas[static_cast<size_t>(i) + 1], from = rho[0];
    std::vector<double> row;
    if (now == 1) row = {to - from};
    for (size_t j = 0; j < rho.size() && now == 2; ++j)
      row.push_back(log_integral(to, rho[j], rho[1 - j]) - log_integral(from, rho[j], rho[1 - j]));
    for (size_t j = 0; j < rho.size() && now == 3; ++j)
      row.push_back(log_integral(to, rho[j], rho[(j + 1) % 3], rho[(j + 2) % 3]) -
                    log_integral(from, rho[j], rho[(j + 1) % 3], rho[(j + 2) % 3]));
    out.push_back(std::move(row));
  }
  return out;
}

// DEIS as diff-sampler has it ("tab"): time t of the VP process whose sigma(t) runs from 0.002 to 80, 10000 points a step.
SlopeCoefficients deis_time_coefficients(const std::vector<float>& sigmas, int steps) {
  constexpr double epsilon = 1e-3, low = 0.002, high = 80;
  const double beta_d = 2 * (std::log(low * low + 1) / epsilon - std::log(high * high + 1)) / (epsilon - 1);
  const double beta_min = std::log(high * high + 1) - 0.5 * beta_d;
  const auto time = [&](double sigma) {
    return (std::sqrt(beta_min * beta_min + 2 * beta_d * std::log(sigma * sigma + 1)) - beta_min) / beta_d;
  };
  constexpr int points = 10000;
  SlopeCoefficients out;
  for (int i = 0; i < steps; ++i) {
    const double from = sigmas[static_cast<size_t>(i)], to = sigmas[static_cast<size_t>(i) + 1];
    const int order = to <= 0 ? 1 : std::min(i + 1, 3);
    if (order == 1) {
      out.push_back({to - from});
      continue;
    }
    std::vector<double> nodes;
    for (const double level : last_levels(sigmas, i, order)) nodes.push_back(time(level));
    const double t_from = nodes[0], t_to = time(to);
    std::vector<double> row(nodes.size());
    for (int p = 0; p < points; ++p) {
      const double t = t_from + (t_to - t_from) * p / (points - 1);
      const double log_alpha = -0.5 * t * t * beta_d - t * beta_min, alpha = std::exp(log_alpha);
      const double integrand = 0.5 * (t * beta_d + beta_min) / std::sqrt(alpha * (1 - alpha)) * (t_to - t_from) / points;
      for (size_t j = 0; j < nodes.size(); ++j) {
        double value = integrand;
        for (size_t k = 0; k < nodes.size(); ++k)
          if (k != j) value *= (t - nodes[k]) / (nodes[j] - nodes[k]);
        row[j] += value;
      }
    }
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace imagent
