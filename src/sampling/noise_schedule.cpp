// Betas of diffusers (scheduling_ddpm.py, scheduling_heun_discrete.py) and of LDM (make_beta_schedule).
#include "sampling/noise_schedule.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "base/error.h"

namespace imagent {

std::vector<float> linspace_f32(double start, double end, int count) {
  std::vector<float> out(static_cast<size_t>(count));
  const float first = static_cast<float>(start), last = static_cast<float>(end);
  const float step = count > 1 ? (last - first) / static_cast<float>(count - 1) : 0;
  for (int i = 0; i < count; ++i)
    out[static_cast<size_t>(i)] = i < count / 2 ? first + step * static_cast<float>(i)
                                                : last - step * static_cast<float>(count - i - 1);
  if (count == 1) out[0] = first;
  return out;
}

// Betas whose product follows alpha_bar(t), t in 0..1 (Nichol & Dhariwal 2021).
static std::vector<float> betas_of(const std::function<double(double)>& alpha_bar, int count) {
  std::vector<float> betas(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i)
    betas[static_cast<size_t>(i)] =
        static_cast<float>(std::min(1 - alpha_bar((i + 1.0) / count) / alpha_bar(static_cast<double>(i) / count), 0.999));
  return betas;
}

static double cosine_bar(double t) { return std::pow(std::cos((t + 0.008) / 1.008 * std::numbers::pi / 2), 2); }
static double laplace_bar(double t) {
  const double lambda = -0.5 * std::copysign(1.0, 0.5 - t) * std::log(1 - 2 * std::abs(0.5 - t) + 1e-6);
  return std::sqrt(std::exp(lambda) / (1 + std::exp(lambda)));
}

static std::vector<float> make_betas(const SchedulerConfig& c) {
  const int n = c.num_train_timesteps;
  if (!c.trained_betas.empty()) return {c.trained_betas.begin(), c.trained_betas.end()};
  if (c.beta_schedule == "linear") return linspace_f32(c.beta_start, c.beta_end, n);
  if (c.beta_schedule == "scaled_linear") {
    auto betas = linspace_f32(std::sqrt(c.beta_start), std::sqrt(c.beta_end), n);
    for (float& beta : betas) beta *= beta;
    return betas;
  }
  if (c.beta_schedule == "squaredcos_cap_v2") return betas_of(cosine_bar, n);
  if (c.beta_schedule == "exp") return betas_of([](double t) { return std::exp(t * -12.0); }, n);
  if (c.beta_schedule == "laplace") return betas_of(laplace_bar, n);
  check(c.beta_schedule == "sigmoid", ErrorKind::model, "scheduler_config.json: beta_schedule is \"", c.beta_schedule,
        "\", known are linear, scaled_linear, squaredcos_cap_v2, exp, laplace and sigmoid");
  auto betas = linspace_f32(-6, 6, n);
  for (float& beta : betas)
    beta = static_cast<float>((c.beta_end - c.beta_start) / (1 + std::exp(-double{beta})) + c.beta_start);
  return betas;
}

// torch.cumprod: the product runs in double, each result is rounded.
static std::vector<float> cumulative_product(const std::vector<float>& factors) {
  std::vector<float> out;
  double product = 1;
  for (const float factor : factors) out.push_back(static_cast<float>(product *= factor));
  return out;
}

static std::vector<float> one_minus(std::vector<float> values) {
  for (float& value : values) value = 1.0f - value;
  return values;
}

// Lin et al. 2023, "Common diffusion noise schedules and sample steps are flawed", algorithm 1.
static std::vector<float> rescale_zero_terminal_snr(const std::vector<float>& betas) {
  std::vector<float> bar = cumulative_product(one_minus(betas));
  for (float& a : bar) a = std::sqrt(a);
  const float first = bar.front(), last = bar.back();
  for (float& a : bar) a = (a - last) * (first / (first - last));
  for (float& a : bar) a *= a;
  std::vector<float> alphas = bar;
  for (size_t i = 1; i < bar.size(); ++i) alphas[i] = bar[i] / bar[i - 1];
  return one_minus(alphas);
}

static void fill_double(NoiseSchedule& schedule, const SchedulerConfig& c, Rounding rounding) {
  const int n = c.num_train_timesteps;
  const bool scaled = c.beta_schedule == "scaled_linear";
  const double start = scaled ? std::sqrt(c.beta_start) : c.beta_start, end = scaled ? std::sqrt(c.beta_end) : c.beta_end;
  double product = 1;
  for (int i = 0; i < n; ++i) {
    double beta = start + (end - start) / (n - 1) * i;
    if (scaled) beta *= beta;
    product *= 1 - beta;
    schedule.alphas_cumprod.push_back(static_cast<float>(product));
    if (rounding == Rounding::forge) {
      const double sigma = std::sqrt((1 - product) / product);
      schedule.sigmas.push_back(static_cast<float>(sigma));
      schedule.log_sigmas.push_back(static_cast<float>(std::log(sigma)));
    }
  }
}

NoiseSchedule make_noise_schedule(const SchedulerConfig& config, Rounding rounding, bool clamp_terminal) {
  NoiseSchedule schedule;
  const bool formula = config.trained_betas.empty() && !config.rescale_betas_zero_snr &&
                       (config.beta_schedule == "linear" || config.beta_schedule == "scaled_linear");
  if (rounding != Rounding::diffusers && formula) {
    fill_double(schedule, config, rounding);
  } else {
    std::vector<float> betas = make_betas(config);
    if (config.rescale_betas_zero_snr) betas = rescale_zero_terminal_snr(betas);
    schedule.alphas_cumprod = cumulative_product(one_minus(betas));
    if (config.rescale_betas_zero_snr && clamp_terminal) schedule.alphas_cumprod.back() = 0x1p-24f;
  }
  if (schedule.sigmas.empty())
    for (const float a : schedule.alphas_cumprod) {
      schedule.sigmas.push_back(std::sqrt((1.0f - a) / a));
      schedule.log_sigmas.push_back(static_cast<float>(std::log(double{schedule.sigmas.back()})));
    }
  return schedule;
}

double time_of_sigma(const NoiseSchedule& schedule, double sigma) {
  const auto& table = schedule.log_sigmas;
  const double log_sigma = std::log(std::max(sigma, 1e-10));
  const auto above = std::upper_bound(table.begin(), table.end(), log_sigma,
                                      [](double value, float entry) { return value < entry; });
  const ptrdiff_t last = static_cast<ptrdiff_t>(table.size()) - 2;
  const ptrdiff_t low = std::clamp<ptrdiff_t>(above - table.begin() - 1, 0, last);
  const double l = table[static_cast<size_t>(low)], h = table[static_cast<size_t>(low) + 1];
  const double w = std::clamp((l - log_sigma) / (l - h), 0.0, 1.0);
  return (1 - w) * static_cast<double>(low) + w * static_cast<double>(low + 1);
}

int nearest_time(const NoiseSchedule& schedule, float sigma) {
  const float log_sigma = std::log(sigma);
  const auto nearer = [&](float a, float b) { return std::abs(log_sigma - a) < std::abs(log_sigma - b); };
  return static_cast<int>(std::min_element(schedule.log_sigmas.begin(), schedule.log_sigmas.end(), nearer) -
                          schedule.log_sigmas.begin());
}

float sigma_of_time(const NoiseSchedule& schedule, float time) {
  const auto last = static_cast<float>(schedule.log_sigmas.size() - 1);
  const float t = std::clamp(time, 0.0f, last), low = std::floor(t), w = t - low;
  const float at_low = schedule.log_sigmas[static_cast<size_t>(low)];
  const float at_high = schedule.log_sigmas[static_cast<size_t>(std::ceil(t))];
  return std::exp((1 - w) * at_low + w * at_high);
}

}  // namespace imagent
