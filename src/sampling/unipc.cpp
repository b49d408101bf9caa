// UniPC (Zhao et al. 2023): a multistep predictor whose next model call also corrects it. scheduling_unipc_multistep.py.
#include <algorithm>
#include <cmath>
#include <deque>

#include "sampling/solvers.h"

namespace imagent {

// Gaussian elimination; the system is 3x3 at most and Vandermonde-like.
static std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
  const size_t n = b.size();
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    for (size_t row = column; row < n; ++row)
      if (std::abs(a[row][column]) > std::abs(a[pivot][column])) pivot = row;
    std::swap(a[column], a[pivot]);
    std::swap(b[column], b[pivot]);
    for (size_t row = column + 1; row < n; ++row) {
      const double factor = a[row][column] / a[column][column];
      for (size_t k = column; k < n; ++k) a[row][k] -= factor * a[column][k];
      b[row] -= factor * b[column];
    }
  }
  for (size_t row = n; row-- > 0;) {
    for (size_t k = row + 1; k < n; ++k) b[row] -= a[row][k] * b[k];
    b[row] /= a[row][row];
  }
  return b;
}

namespace {
// A step from level `from` to `to`; outputs are the newest first, outputs[k] at level earlier[k - 1] for k >= 1.
struct UniStep {
  const UniPcOptions& options;
  double from, to;
  std::vector<double> earlier;
  std::vector<double> ratios;          // of the earlier levels, in units of this step
  double h = 0, phi1 = 0, scale = 0;   // e^h - 1 and B(h)
  std::vector<double> b;

  UniStep(const UniPcOptions& options, double from, double to, std::vector<double> earlier)
      : options(options), from(from), to(to), earlier(std::move(earlier)) {
    const double width = to > 0 ? std::log(from / to) : std::numeric_limits<double>::infinity();
    h = options.predict_x0 ? -width : width;
    phi1 = std::expm1(h);
    scale = options.bh1 ? h : phi1;
    for (const double level : this->earlier) ratios.push_back(std::log(from / level) / width);
    double phi_k = phi1 / h - 1, factorial = 1;
    for (size_t i = 1; i <= this->earlier.size() + 1; ++i) {
      b.push_back(phi_k * factorial / scale);
      factorial *= static_cast<double>(i + 1);
      phi_k = phi_k / h - 1 / factorial;
    }
  }

  std::vector<double> weights(std::vector<double> points) const {
    std::vector<std::vector<double>> powers;
    for (size_t i = 0; i < points.size(); ++i) {
      powers.emplace_back();
      for (const double point : points) powers.back().push_back(std::pow(point, static_cast<double>(i)));
    }
    return solve(powers, {b.begin(), b.begin() + static_cast<ptrdiff_t>(points.size())});
  }

  Latents combine(const Latents& x, const std::deque<Latents>& outputs, const std::vector<double>& rho,
                  const Latents* corrected) const {
    const double outer = options.predict_x0 ? 1 : to;
    std::vector<Term> terms = {(options.predict_x0 ? to / from : 1) * x, -outer * phi1 * outputs[0]};
    double total = 0;
    for (size_t k = 0; k < ratios.size(); ++k) {
      terms.push_back(-outer * scale * rho[k] / ratios[k] * outputs[k + 1]);
      total += rho[k] / ratios[k];
    }
    if (corrected) {
      terms.push_back(-outer * scale * rho.back() * *corrected);
      total += rho.back();
    }
    if (total != 0) terms.push_back(outer * scale * total * outputs[0]);
    return sum(terms.data(), terms.size());
  }

  Latents predict(const Latents& x, const std::deque<Latents>& outputs) const {
    std::vector<double> rho = {0.5};
    if (ratios.size() != 1) rho = weights(ratios);
    return combine(x, outputs, rho, nullptr);
  }
  Latents correct(const Latents& x, const std::deque<Latents>& outputs, const Latents& output) const {
    std::vector<double> points = ratios, rho = {0.5};
    points.push_back(1);
    if (points.size() > 1) rho = weights(points);
    return combine(x, outputs, rho, &output);
  }
};
}  // namespace

Sampling sample_unipc(Task task, UniPcOptions options) {
  const int n = task.steps();
  Latents x = task.take(), last;
  std::deque<Latents> outputs;  // the newest first
  int order = 0;
  const auto levels = [&task](int i, int count) {
    std::vector<double> out;
    for (int k = 1; k < count; ++k) out.push_back(task.sigma(i - k));
    return out;
  };
  for (int i = task.begin; i < n; ++i) {
    const double sigma = task.sigma(i), next = task.sigma(i + 1);
    const Latents image = co_await task.denoiser.image(x, sigma, task.at(i));
    const Latents output = options.predict_x0 ? image : sum(1 / sigma * x, -1 / sigma * image);
    const auto& resting = options.disable_corrector;
    const bool rests = std::find(resting.begin(), resting.end(), i - 1) != resting.end();
    if (i > task.begin && !rests)
      x = UniStep(options, task.sigma(i - 1), sigma, levels(i - 1, order)).correct(last, outputs, output);
    outputs.push_front(output);
    if (outputs.size() > static_cast<size_t>(options.order)) outputs.pop_back();
    order = std::min(options.lower_order_final ? std::min(options.order, n - i) : options.order, i - task.begin + 1);
    last = x;
    x = UniStep(options, sigma, next, levels(i, order)).predict(x, outputs);
    co_await task.denoiser.done(x, image, next, task.at(i + 1));
  }
  co_return task.give(std::move(x), task.sigma(n));
}

}  // namespace imagent
