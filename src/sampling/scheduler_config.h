// What a model folder's scheduler_config.json says, with the defaults of the diffusers class that reads it.
#pragma once
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace imagent {

// The keys that the file really holds; a null in the file is left out. Keys nobody knows are ignored.
using SchedulerValue = std::variant<bool, double, std::string, std::vector<double>>;
using SchedulerFile = std::map<std::string, SchedulerValue>;

struct SchedulerConfig {
  std::string class_name = "PNDMScheduler";
  int num_train_timesteps = 1000;
  double beta_start = 0.0001, beta_end = 0.02;
  std::string beta_schedule = "linear";     // linear, scaled_linear, squaredcos_cap_v2, exp, laplace, sigmoid
  std::vector<double> trained_betas;        // empty: made from the schedule
  bool rescale_betas_zero_snr = false;
  std::string prediction_type = "epsilon";  // epsilon, v_prediction, sample
  std::string timestep_spacing = "linspace";  // linspace, leading, trailing
  int steps_offset = 0;
  bool set_alpha_to_one = true;
  bool clip_sample = false, thresholding = false;
  double clip_sample_range = 1, dynamic_thresholding_ratio = 0.995, sample_max_value = 1;
  bool skip_prk_steps = false;
  bool use_karras_sigmas = false, use_exponential_sigmas = false, use_beta_sigmas = false, use_lu_lambdas = false;
  std::string interpolation_type = "linear";  // of Euler: linear, log_linear
  std::string timestep_type = "discrete";     // of Euler: discrete, continuous
  std::string final_sigmas_type = "zero";     // zero, sigma_min
  std::optional<double> sigma_min, sigma_max;  // ends of karras, exponential and beta tables
  int solver_order = 2;
  std::string algorithm_type = "dpmsolver++";  // dpmsolver, dpmsolver++, sde-dpmsolver, sde-dpmsolver++
  std::string solver_type = "midpoint";        // midpoint, heun; UniPC: bh1, bh2
  bool lower_order_final = true, euler_at_final = false, predict_x0 = true;
  std::vector<double> disable_corrector;       // UniPC: steps after which the corrector rests
  double lambda_min_clipped = -std::numeric_limits<double>::infinity();
  std::string variance_type = "fixed_small";   // of DDPM
  int original_inference_steps = 50;
  double timestep_scaling = 10;
  std::optional<double> noise_sampler_seed;    // DPMSolverSDE; absent: the image's seed
  int predictor_order = 2, corrector_order = 2;
};

// The diffusers classes that are known, e.g. "EulerDiscreteScheduler".
std::vector<std::string> scheduler_classes();

// Class.from_config(file): the defaults of `class_name`, replaced by the keys that the file really holds. The file's own
// class may be another one. Errors: model, for an unknown class or a key of the wrong type.
SchedulerConfig make_scheduler_config(const std::string& class_name, const SchedulerFile& file);

}  // namespace imagent
