// The samplers that think in noise levels. Each takes a Task and is the whole loop of its paper.
#pragma once
#include "sampling/denoiser.h"

namespace imagent {

// Noise for the step from one level to the next: the image's generator, or a Brownian path.
using NoiseSource = std::function<Latents(double sigma, double sigma_next)>;

// Karras et al. 2022, algorithm 2: raise the noise level before a step. amount 0: never.
struct Churn {
  double amount = 0, from = 0, to = std::numeric_limits<double>::infinity();
};

struct Task {
  Latents x;               // as the user sees latents, at the level of the first step
  Denoiser denoiser;       // with the plan: levels and times
  int begin = 0;           // first step (img2img)
  NoiseSource noise = {};
  double eta = 1;          // part of the noise that ancestral and SDE samplers renew
  double s_noise = 1;      // factor of all noise that a sampler adds
  Churn churn = {};
  bool draws_always = false;  // draw noise also where its weight is 0, as the original does: the generator moves on

  const std::vector<float>& sigmas() const { return denoiser.plan().sigmas; }
  int steps() const { return static_cast<int>(denoiser.plan().times.size()); }
  double sigma(int i) const { return sigmas()[static_cast<size_t>(i)]; }
  Denoiser::Position at(int i) const { return {i - begin, steps() - begin}; }
  // Takes x out, as image + sigma * noise.
  Latents take();
  // x as the user sees it after the last step.
  Latents give(Latents x, double sigma) const;
};

// Along the straight line through x (at level `from`) and the clean image, to level `to`: an Euler step.
Latents toward(const Latents& image, const Latents& x, double from, double to);
// The level to step down to, and the noise to add, so that together they make level `to`.
struct AncestralStep {
  double down, up;
};
AncestralStep ancestral_step(double from, double to, double eta);
// Adds noise as `task.churn` says before step i; returns the new level.
double churn(const Task& task, Latents& x, int i);

Sampling sample_euler(Task task);
Sampling sample_euler_ancestral(Task task);
Sampling sample_heun(Task task);
Sampling sample_heunpp2(Task task);
Sampling sample_dpm2(Task task);
Sampling sample_dpm2_ancestral(Task task);
Sampling sample_dpmpp_2s_ancestral(Task task);
Sampling sample_dpmpp_sde(Task task);
Sampling sample_restart(Task task);
Sampling sample_consistency(Task task);      // LCM over noise levels
Sampling sample_ddpm_sigmas(Task task);      // DDPM over noise levels

// x += sum over j of coefficient j times the slope j steps ago. One list a step, its first for the newest slope.
using SlopeCoefficients = std::vector<std::vector<double>>;
Sampling linear_multistep(Task task, SlopeCoefficients coefficients);
SlopeCoefficients lms_coefficients(const std::vector<float>& sigmas, int steps);
SlopeCoefficients ipndm_coefficients(const std::vector<float>& sigmas, int steps);
SlopeCoefficients ipndm_v_coefficients(const std::vector<float>& sigmas, int steps);
// DEIS: diffusers integrates over log rho, k-diffusion numerically over the time of a VP process.
SlopeCoefficients deis_rho_coefficients(const std::vector<float>& sigmas, int steps, int begin, int order, bool lower_order_final);
SlopeCoefficients deis_time_coefficients(const std::vector<float>& sigmas, int steps);

struct ExponentialOptions {
  int order = 2;
  bool heun = false;               // second-order term: Heun instead of midpoint
  bool noise_prediction = false;   // DPM-Solver instead of DPM-Solver++
  bool lower_order_final = false;  // with less than 15 steps, lower the order at the end
  bool euler_at_final = false;
  bool diffusers_third_order_sde = false;  // the sign of a constant in its third-order SDE term
};
// DPM-Solver (Lu et al. 2022), DPM-Solver++ and their SDE forms (eta > 0), multistep and singlestep.
Sampling dpm_multistep(Task task, ExponentialOptions options);
Sampling dpm_singlestep(Task task, ExponentialOptions options);

// Factors of x, of the derivatives 0..2 and of new noise in one exponential-integrator step.
struct ExponentialStep {
  double x, d0, d1, d2, noise;
};
ExponentialStep exponential_step(const ExponentialOptions& options, int order, double from, double to, double eta);

struct UniPcOptions {
  int order = 2;
  bool bh1 = false, predict_x0 = true, lower_order_final = true;
  std::vector<double> disable_corrector = {};
};
Sampling sample_unipc(Task task, UniPcOptions options);

struct SaOptions {
  int predictor_order = 2, corrector_order = 2;
  bool predict_x0 = true, lower_order_final = true;
};
Sampling sample_sa_solver(Task task, SaOptions options);

// DPM-Solver-fast and -adaptive (Lu et al. 2022): they choose levels between the ends themselves.
struct LevelRange {
  double high, low;
};
Sampling sample_dpm_fast(Task task, LevelRange range, int calls);
Sampling sample_dpm_adaptive(Task task, LevelRange range);

}  // namespace imagent
