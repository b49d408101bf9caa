// Which times and noise levels a run visits: the set_timesteps() rules of diffusers.
#pragma once
#include "sampling/noise_schedule.h"

namespace imagent {

// A table for samplers that think in noise levels: step i goes from sigmas[i] to sigmas[i + 1], the model is told
// times[i]. sigmas has at least one entry more than times.
struct SigmaPlan {
  std::vector<float> sigmas;
  std::vector<double> times;
  double init_noise_sigma = 1;  // what the first noise is multiplied by
};

// Errors: usage, when the class cannot do that many steps.
SigmaPlan diffusers_sigmas(const SchedulerConfig& config, const NoiseSchedule& schedule, int steps);

// Times for samplers that think in alphas_cumprod (DDIM, DDPM), falling, one a step.
std::vector<int> diffusers_timesteps(const SchedulerConfig& config, int steps);
// PNDM: the list also holds the Runge-Kutta times (`prk` of them at the start) unless skip_prk_steps.
struct PndmTimes {
  std::vector<int> times;
  size_t prk = 0;
};
PndmTimes pndm_timesteps(const SchedulerConfig& config, int steps);
// LCM and TCD: picked from the times of the distillation (original_inference_steps), of which img2img uses the last
// `strength` part.
std::vector<int> distilled_timesteps(const SchedulerConfig& config, int steps, double strength);

// Noise levels between two ends, n of them, falling.
std::vector<double> karras_sigmas(double high, double low, int n, double rho = 7);
std::vector<double> exponential_sigmas(double high, double low, int n);
std::vector<double> beta_sigmas(double high, double low, int n);

}  // namespace imagent
