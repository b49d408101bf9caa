// Tables of noise levels, in f32 where the original is.
#include "sampling/webui_sigmas.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sampling/spacing.h"

namespace imagent {

static std::vector<float> of_times(const std::vector<float>& times, const NoiseSchedule& schedule) {
  std::vector<float> out;
  for (const float t : times) out.push_back(sigma_of_time(schedule, t));
  out.push_back(0);
  return out;
}

static std::vector<float> karras(float high, float low, int n, double rho) {
  const double a = std::pow(double{high}, 1 / rho), b = std::pow(double{low}, 1 / rho);
  std::vector<float> out;
  for (const float ramp : linspace_f32(0, 1, n))
    out.push_back(std::pow(static_cast<float>(a) + ramp * static_cast<float>(b - a), static_cast<float>(rho)));
  out.push_back(0);
  return out;
}

static std::vector<float> polyexponential(float high, float low, int n, double rho) {
  const double a = std::log(double{high}), b = std::log(double{low});
  std::vector<float> out;
  for (const float ramp : linspace_f32(1, 0, n))
    out.push_back(std::exp(std::pow(ramp, static_cast<float>(rho)) * static_cast<float>(a - b) + static_cast<float>(b)));
  out.push_back(0);
  return out;
}

static std::vector<float> exponential(float high, float low, int n) {
  std::vector<float> out;
  for (const float l : linspace_f32(std::log(double{high}), std::log(double{low}), n)) out.push_back(std::exp(l));
  out.push_back(0);
  return out;
}

static std::vector<float> kl_optimal(float high, float low, int n) {
  const float a = std::atan(low), b = std::atan(high);
  std::vector<float> out;
  for (int i = 0; i <= n; ++i) {
    const float share = static_cast<float>(i) / static_cast<float>(n);
    out.push_back(std::tan(share * a + (1.0f - share) * b));
  }
  return out;
}

static std::vector<float> picked(const WebuiTable& table, const std::vector<float>& sigmas) {
  const int n = static_cast<int>(sigmas.size());
  std::vector<float> out;
  if (table.schedule == "simple") {
    const double stride = static_cast<double>(n) / table.steps;
    for (int i = 0; i < table.steps; ++i) out.push_back(sigmas[static_cast<size_t>(n - 1 - static_cast<int>(i * stride))]);
  } else {  // ddim_uniform
    for (int i = 1; i < n; i += std::max(n / table.steps, 1)) out.push_back(sigmas[static_cast<size_t>(i)]);
    std::reverse(out.begin(), out.end());
  }
  out.push_back(0);
  return out;
}

static std::vector<float> turbo(int n, const NoiseSchedule& schedule) {
  const auto last = static_cast<double>(schedule.sigmas.size() - 1);
  std::vector<float> times;
  for (int i = n; i >= 1; --i)
    times.push_back(static_cast<float>(std::clamp(std::nearbyint(i * ((last + 1) / n) - 1), 0.0, last)));
  return of_times(times, schedule);
}

std::vector<float> webui_sigmas(const WebuiTable& table, const NoiseSchedule& schedule) {
  const std::string& name = table.schedule;
  const int n = table.steps;
  const int total = static_cast<int>(schedule.sigmas.size());
  check(n >= 1 && n <= total, ErrorKind::usage, "steps is ", n, "; 1 to ", total, " are possible");
  const float low = schedule.sigmas.front(), high = schedule.sigmas.back();
  if (name == "uniform" || name == "normal") return of_times(linspace_f32(total - 1, 0, n), schedule);
  if (name == "sgm_uniform") {
    auto times = linspace_f32(total - 1, 0, n + 1);
    times.pop_back();
    return of_times(times, schedule);
  }
  if (name == "karras") return karras(high, low, n, table.rho > 0 ? table.rho : 7);
  if (name == "exponential") return exponential(high, low, n);
  if (name == "polyexponential") return polyexponential(high, low, n, table.rho > 0 ? table.rho : 1);
  if (name == "kl_optimal") return kl_optimal(high, low, n);
  if (name.starts_with("align_your_steps")) return aligned_sigmas(table);
  if (name == "simple" || name == "ddim_uniform") return picked(table, schedule.sigmas);
  if (name == "turbo") return turbo(n, schedule);
  check(name == "beta", ErrorKind::usage, "the schedule ", name, " has no table of noise levels");
  std::vector<float> out;
  for (const double sigma : beta_sigmas(high, low, n)) out.push_back(static_cast<float>(sigma));
  out.push_back(0);
  return out;
}

std::vector<float> webui_lcm_sigmas(int steps, const NoiseSchedule& schedule) {
  const int stride = static_cast<int>(schedule.sigmas.size()) / 50;
  check(steps >= 1 && steps <= 50, ErrorKind::usage, "steps is ", steps, "; LCM can do 1 to 50");
  NoiseSchedule distilled;
  for (int t = stride - 1; t < static_cast<int>(schedule.sigmas.size()); t += stride)
    distilled.log_sigmas.push_back(schedule.log_sigmas[static_cast<size_t>(t)]);
  std::vector<float> out;
  for (const float t : linspace_f32(50 * stride - 1, stride - 1, steps))
    out.push_back(sigma_of_time(distilled, (t - static_cast<float>(stride - 1)) / static_cast<float>(stride)));
  out.push_back(0);
  return out;
}

}  // namespace imagent
