// diffusers' timestep_spacing (leading, linspace, trailing) and its karras, exponential and beta noise levels.
#include "sampling/spacing.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sampling/beta_quantile.h"

namespace imagent {

static double fraction(int i, int n) { return n > 1 ? static_cast<double>(i) / (n - 1) : 0; }

std::vector<double> karras_sigmas(double high, double low, int n, double rho) {
  const double a = std::pow(high, 1 / rho), b = std::pow(low, 1 / rho);
  std::vector<double> out;
  for (int i = 0; i < n; ++i) out.push_back(std::pow(a + fraction(i, n) * (b - a), rho));
  return out;
}

std::vector<double> exponential_sigmas(double high, double low, int n) {
  const double a = std::log(high), b = std::log(low);
  std::vector<double> out;
  for (int i = 0; i < n; ++i) out.push_back(std::exp(i + 1 == n && n > 1 ? b : a + fraction(i, n) * (b - a)));
  return out;
}

std::vector<double> beta_sigmas(double high, double low, int n) {
  std::vector<double> out;
  for (int i = 0; i < n; ++i) out.push_back(low + beta_quantile(1 - fraction(i, n), 0.6, 0.6) * (high - low));
  return out;
}

// numpy.arange(total, 0, -total / steps).round() - 1
static std::vector<double> trailing(int total, int from, int steps) {
  const double ratio = static_cast<double>(total) / steps;
  std::vector<double> times;
  for (int i = 0; i < static_cast<int>(std::ceil(from / ratio)); ++i) times.push_back(std::nearbyint(from - i * ratio) - 1);
  return times;
}

static std::vector<double> leading(int ratio, int count, int offset) {
  std::vector<double> times;
  for (int i = count - 1; i >= 0; --i) times.push_back(i * ratio + offset);
  return times;
}

static void check_steps(const SchedulerConfig& config, int steps, int most) {
  check(steps >= 1 && steps <= most, ErrorKind::usage, "steps is ", steps, "; this sampler with this model (",
        config.class_name, ") can do 1 to ", most);
}

// `count` times from last down to 0, evenly; rounded to whole ones or (Euler and its kin) as f32.
static std::vector<double> even_times(int last, int count, bool whole) {
  std::vector<double> times;
  for (int i = count - 1; i >= 0; --i) {
    const double t = count > 1 ? static_cast<double>(last) / (count - 1) * i : 0;
    times.push_back(whole ? std::nearbyint(t) : static_cast<double>(static_cast<float>(t)));
  }
  return times;
}

[[noreturn]] static void unknown_spacing(const SchedulerConfig& config) {
  fail(ErrorKind::model, "scheduler_config.json: timestep_spacing is \"", config.timestep_spacing,
       "\", known are linspace, leading and trailing");
}

// n times, the last one included: what Euler, DDIM and their kin visit.
static std::vector<double> inclusive_times(const SchedulerConfig& c, int steps, bool whole) {
  const int n = c.num_train_timesteps;
  check_steps(c, steps, n);
  if (c.timestep_spacing == "linspace") return even_times(n - 1, steps, whole);
  if (c.timestep_spacing == "leading") return leading(n / steps, steps, c.steps_offset);
  if (c.timestep_spacing == "trailing") return trailing(n, n, steps);
  unknown_spacing(c);
}

// n + 1 times without the last one: what the DPM-Solver family visits.
static std::vector<double> exclusive_times(const SchedulerConfig& c, const NoiseSchedule& schedule, int steps) {
  const int n = c.num_train_timesteps;
  check_steps(c, steps, n - 1);
  int clipped = 0;
  for (const float log_sigma : schedule.log_sigmas) clipped += -log_sigma < c.lambda_min_clipped;
  const int last = n - clipped;
  std::vector<double> times;
  if (c.timestep_spacing == "linspace")
    times = even_times(last - 1, steps + 1, true);
  else if (c.timestep_spacing == "leading")
    times = leading(last / (steps + 1), steps + 1, c.steps_offset);
  else if (c.timestep_spacing == "trailing")
    return trailing(n, last, steps);
  else
    unknown_spacing(c);
  times.pop_back();
  return times;
}

static double table_at(const NoiseSchedule& schedule, double time) {
  const auto last = static_cast<double>(schedule.sigmas.size() - 1);
  const double t = std::clamp(time, 0.0, last), low = std::floor(t);
  const double a = schedule.sigmas[static_cast<size_t>(low)];
  return t == low ? a : a + (schedule.sigmas[static_cast<size_t>(low) + 1] - a) * (t - low);
}

// The config's own noise levels between the two ends, empty when it has none.
static std::vector<double> named_levels(const SchedulerConfig& c, double high, double low, int n) {
  high = c.sigma_max.value_or(high);
  low = c.sigma_min.value_or(low);
  if (c.use_karras_sigmas) return karras_sigmas(high, low, n);
  if (c.use_exponential_sigmas || c.use_lu_lambdas) return exponential_sigmas(high, low, n);
  if (c.use_beta_sigmas) return beta_sigmas(high, low, n);
  return {};
}

static bool is_dpm_solver(const SchedulerConfig& c) {
  const std::string& name = c.class_name;
  return name == "DPMSolverMultistepScheduler" || name == "DPMSolverSinglestepScheduler" || name == "DEISMultistepScheduler" ||
         name == "UniPCMultistepScheduler" || name == "SASolverScheduler";
}

static SigmaPlan dpm_solver_sigmas(const SchedulerConfig& c, const NoiseSchedule& schedule, int steps) {
  SigmaPlan plan;
  plan.times = exclusive_times(c, schedule, steps);
  const double high = schedule.sigmas.back(), low = schedule.sigmas.front();
  std::vector<double> levels = named_levels(c, high, low, steps);
  const bool named = !levels.empty();
  if (named) {
    const bool multistep = c.class_name == "DPMSolverMultistepScheduler";
    const bool rounded = (c.use_karras_sigmas || c.use_lu_lambdas) && !(multistep && c.beta_schedule == "squaredcos_cap_v2");
    plan.times.clear();
    for (const double sigma : levels) {
      const double t = time_of_sigma(schedule, sigma);
      plan.times.push_back(rounded ? std::nearbyint(t) : std::trunc(t));  // the class keeps whole times only
    }
  } else {
    for (const double t : plan.times) levels.push_back(table_at(schedule, t));
  }
  const bool no_choice = c.class_name == "DEISMultistepScheduler" || c.class_name == "SASolverScheduler";
  const bool own_end = no_choice || c.class_name == "UniPCMultistepScheduler";
  double last = 0;
  if (no_choice || c.final_sigmas_type == "sigma_min") last = named && own_end ? levels.back() : low;
  levels.push_back(last);
  plan.sigmas.assign(levels.begin(), levels.end());
  return plan;
}

SigmaPlan diffusers_sigmas(const SchedulerConfig& c, const NoiseSchedule& schedule, int steps) {
  if (is_dpm_solver(c)) return dpm_solver_sigmas(c, schedule, steps);
  SigmaPlan plan;
  plan.times = inclusive_times(c, steps, false);
  std::vector<double> levels;
  if (c.interpolation_type == "log_linear")
    for (const float l : linspace_f32(schedule.log_sigmas.back(), schedule.log_sigmas.front(), steps + 1))
      levels.push_back(std::exp(l));
  else
    for (const double t : plan.times) levels.push_back(table_at(schedule, t));
  std::vector<double> named = named_levels(c, levels.front(), levels.back(), steps);
  if (!named.empty()) {
    levels = std::move(named);
    const bool rounded = c.use_karras_sigmas && c.class_name.starts_with("KDPM2");
    plan.times.clear();
    for (const double sigma : levels) {
      const double t = time_of_sigma(schedule, sigma);
      plan.times.push_back(rounded ? std::nearbyint(t) : t);
    }
  }
  levels.push_back(c.final_sigmas_type == "sigma_min" ? schedule.sigmas.front() : 0.0);
  plan.sigmas.assign(levels.begin(), levels.end());
  if (c.timestep_type == "continuous" && c.prediction_type == "v_prediction")
    for (size_t i = 0; i < plan.times.size(); ++i) plan.times[i] = 0.25 * std::log(plan.sigmas[i]);
  const double top = *std::max_element(plan.sigmas.begin(), plan.sigmas.end());
  plan.init_noise_sigma = c.timestep_spacing == "leading" ? std::sqrt(top * top + 1) : top;
  return plan;
}

// A model's steps_offset may point past the table's end.
static std::vector<int> whole(const std::vector<double>& times, int train_steps) {
  std::vector<int> out;
  for (const double t : times) out.push_back(std::clamp(static_cast<int>(t), 0, train_steps - 1));
  return out;
}

std::vector<int> diffusers_timesteps(const SchedulerConfig& config, int steps) {
  return whole(inclusive_times(config, steps, true), config.num_train_timesteps);
}

PndmTimes pndm_timesteps(const SchedulerConfig& config, int steps) {
  const std::vector<int> falling = diffusers_timesteps(config, steps);
  PndmTimes out;
  if (config.skip_prk_steps) {
    out.times = falling;
    // The second time comes twice: the first two calls together make one improved Euler step.
    if (steps >= 2) out.times.insert(out.times.begin() + 1, falling[1]);
    return out;
  }
  check(steps >= 4, ErrorKind::usage, "steps is ", steps, "; PNDM with its Runge-Kutta start needs at least 4");
  const int half = config.num_train_timesteps / steps / 2;
  std::vector<int> pairs;
  for (size_t i = 4; i-- > 0;) pairs.insert(pairs.end(), {falling[i], falling[i] + half});
  pairs.pop_back();
  std::vector<int> doubled;
  for (const int t : pairs) doubled.insert(doubled.end(), {t, t});
  out.times.assign(doubled.rbegin() + 1, doubled.rend() - 1);
  out.prk = out.times.size();
  out.times.insert(out.times.end(), falling.begin() + 3, falling.end());
  return out;
}

std::vector<int> distilled_timesteps(const SchedulerConfig& config, int steps, double strength) {
  const int original = config.original_inference_steps;
  const int stride = config.num_train_timesteps / original;
  const int available = static_cast<int>(original * strength);
  check(steps >= 1 && steps <= available, ErrorKind::usage, "steps is ", steps, "; this model was distilled for 1 to ",
        available, " steps", strength < 1 ? " at this strength" : "");
  std::vector<int> times;
  for (int i = 0; i < steps; ++i) {
    const int skipped = static_cast<int>(std::floor(static_cast<double>(available) / steps * i));
    times.push_back((available - skipped) * stride - 1);
  }
  return times;
}

}  // namespace imagent
