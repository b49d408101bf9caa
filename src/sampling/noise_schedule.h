// The noise schedule of training: betas -> alphas_cumprod -> sigma(t). Ho et al. 2020, section 4.
#pragma once
#include <vector>

#include "sampling/scheduler_config.h"

namespace imagent {

// The same schedule in three roundings, because pictures are compared to the last bit of a table.
enum class Rounding {
  diffusers,  // betas in f32
  a1111,      // betas and their product in double, alphas_cumprod rounded to f32
  forge,      // as a1111, but sigmas are rounded only at the end
};

struct NoiseSchedule {
  std::vector<float> alphas_cumprod;  // [num_train_timesteps], falling
  std::vector<float> sigmas;          // sqrt((1 - a) / a), rising
  std::vector<float> log_sigmas;
};

// Errors: model, for a beta_schedule nobody knows. Zero terminal SNR is applied when the config asks for it;
// `clamp_terminal` then replaces the last alpha 0 by 2^-24, so that its sigma (4096) is finite.
NoiseSchedule make_noise_schedule(const SchedulerConfig& config, Rounding rounding, bool clamp_terminal);

// torch.linspace in f32: counts from the near end, so it is symmetric.
std::vector<float> linspace_f32(double start, double end, int count);

// The time of a noise level: linear interpolation of log sigma in the table, clamped to its ends.
double time_of_sigma(const NoiseSchedule& schedule, double sigma);
// The nearest table entry.
int nearest_time(const NoiseSchedule& schedule, float sigma);
// The inverse of time_of_sigma, in f32.
float sigma_of_time(const NoiseSchedule& schedule, float time);

}  // namespace imagent
