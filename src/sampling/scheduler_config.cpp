// The keys of scheduler_config.json and the class defaults of diffusers 0.42 (src/diffusers/schedulers).
#include "sampling/scheduler_config.h"

#include <algorithm>

#include "base/error.h"
#include "base/printable.h"

namespace imagent {

using Config = SchedulerConfig;
using Member = std::variant<bool Config::*, int Config::*, double Config::*, std::string Config::*,
                            std::optional<double> Config::*, std::vector<double> Config::*>;

static const std::map<std::string, Member>& members() {
  static const std::map<std::string, Member> all = {
      {"num_train_timesteps", &Config::num_train_timesteps},
      {"beta_start", &Config::beta_start},
      {"beta_end", &Config::beta_end},
      {"beta_schedule", &Config::beta_schedule},
      {"trained_betas", &Config::trained_betas},
      {"rescale_betas_zero_snr", &Config::rescale_betas_zero_snr},
      {"prediction_type", &Config::prediction_type},
      {"timestep_spacing", &Config::timestep_spacing},
      {"steps_offset", &Config::steps_offset},
      {"set_alpha_to_one", &Config::set_alpha_to_one},
      {"clip_sample", &Config::clip_sample},
      {"clip_sample_range", &Config::clip_sample_range},
      {"thresholding", &Config::thresholding},
      {"dynamic_thresholding_ratio", &Config::dynamic_thresholding_ratio},
      {"sample_max_value", &Config::sample_max_value},
      {"skip_prk_steps", &Config::skip_prk_steps},
      {"use_karras_sigmas", &Config::use_karras_sigmas},
      {"use_exponential_sigmas", &Config::use_exponential_sigmas},
      {"use_beta_sigmas", &Config::use_beta_sigmas},
      {"use_lu_lambdas", &Config::use_lu_lambdas},
      {"interpolation_type", &Config::interpolation_type},
      {"timestep_type", &Config::timestep_type},
      {"final_sigmas_type", &Config::final_sigmas_type},
      {"sigma_min", &Config::sigma_min},
      {"sigma_max", &Config::sigma_max},
      {"solver_order", &Config::solver_order},
      {"algorithm_type", &Config::algorithm_type},
      {"solver_type", &Config::solver_type},
      {"lower_order_final", &Config::lower_order_final},
      {"euler_at_final", &Config::euler_at_final},
      {"predict_x0", &Config::predict_x0},
      {"disable_corrector", &Config::disable_corrector},
      {"lambda_min_clipped", &Config::lambda_min_clipped},
      {"variance_type", &Config::variance_type},
      {"original_inference_steps", &Config::original_inference_steps},
      {"timestep_scaling", &Config::timestep_scaling},
      {"noise_sampler_seed", &Config::noise_sampler_seed},
      {"predictor_order", &Config::predictor_order},
      {"corrector_order", &Config::corrector_order},
  };
  return all;
}

struct ClassDefaults {
  SchedulerFile values;                // where the class differs from the struct's own defaults
  std::vector<std::string> not_taken;  // keys of a file that this class does not have
};

static const std::map<std::string, ClassDefaults>& classes() {
  using V = SchedulerValue;
  const auto text = [](const char* value) { return V(std::string(value)); };
  const std::vector<std::string> no_clip = {"clip_sample", "thresholding"};
  const std::vector<std::string> plain = {"rescale_betas_zero_snr", "clip_sample", "thresholding", "sigma_min", "sigma_max"};
  const std::vector<std::string> solver = {"rescale_betas_zero_snr", "clip_sample", "sigma_min", "sigma_max"};
  const SchedulerFile narrow = {{"beta_start", 0.00085}, {"beta_end", 0.012}};
  const SchedulerFile distilled = {{"beta_start", 0.00085}, {"beta_end", 0.012}, {"beta_schedule", text("scaled_linear")},
                                   {"timestep_spacing", text("leading")}};
  static const std::map<std::string, ClassDefaults> all = {
      {"DDIMScheduler", {{{"timestep_spacing", text("leading")}, {"clip_sample", true}}, {}}},
      {"DDPMScheduler", {{{"timestep_spacing", text("leading")}, {"clip_sample", true}}, {}}},
      {"PNDMScheduler", {{{"timestep_spacing", text("leading")}, {"set_alpha_to_one", false}},
                         {"rescale_betas_zero_snr", "clip_sample", "thresholding"}}},
      {"LMSDiscreteScheduler", {{}, plain}},
      {"EulerDiscreteScheduler", {{}, no_clip}},
      {"EulerAncestralDiscreteScheduler",
       {{}, {"clip_sample", "thresholding", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"}}},
      {"HeunDiscreteScheduler", {narrow, {"rescale_betas_zero_snr", "thresholding", "sigma_min", "sigma_max"}}},
      {"KDPM2DiscreteScheduler", {narrow, plain}},
      {"KDPM2AncestralDiscreteScheduler", {narrow, plain}},
      {"DPMSolverSDEScheduler", {narrow, plain}},
      {"DPMSolverMultistepScheduler", {{}, {"clip_sample", "sigma_min", "sigma_max"}}},
      {"DPMSolverSinglestepScheduler",
       {{{"lower_order_final", false}},
        {"rescale_betas_zero_snr", "clip_sample", "sigma_min", "sigma_max", "timestep_spacing", "steps_offset"}}},
      {"DEISMultistepScheduler", {{}, solver}},
      {"UniPCMultistepScheduler", {{{"solver_type", text("bh2")}}, {"clip_sample"}}},
      {"SASolverScheduler", {{{"algorithm_type", text("data_prediction")}}, solver}},
      {"IPNDMScheduler", {{}, {"rescale_betas_zero_snr", "clip_sample", "thresholding"}}},
      {"LCMScheduler", {distilled, {}}},
      {"TCDScheduler", {distilled, no_clip}},
  };
  return all;
}

std::vector<std::string> scheduler_classes() {
  std::vector<std::string> names;
  for (const auto& [name, defaults] : classes()) names.push_back(name);
  return names;
}

template <class T>
static T as(const std::string& key, const SchedulerValue& value, const char* wanted) {
  const T* typed = std::get_if<T>(&value);
  check(typed != nullptr, ErrorKind::model, "scheduler_config.json: ", key, " should be ", wanted);
  return *typed;
}

static void assign(Config& config, const std::string& key, const SchedulerValue& value) {
  const auto found = members().find(key);
  if (found == members().end()) return;
  const Member& member = found->second;
  if (const auto flag = std::get_if<bool Config::*>(&member)) {
    config.**flag = as<bool>(key, value, "true or false");
  } else if (const auto integer = std::get_if<int Config::*>(&member)) {
    const double number = as<double>(key, value, "a whole number");
    check(number >= -1e6 && number <= 1e6 && number == static_cast<int>(number), ErrorKind::model,
          "scheduler_config.json: ", key, " is ", number, ", a whole number up to a million is expected");
    config.**integer = static_cast<int>(number);
  } else if (const auto real = std::get_if<double Config::*>(&member)) {
    if (const auto* infinite = std::get_if<std::string>(&value); infinite && *infinite == "-inf") return;
    config.**real = as<double>(key, value, "a number");
  } else if (const auto word = std::get_if<std::string Config::*>(&member)) {
    config.**word = as<std::string>(key, value, "a text");
  } else if (const auto maybe = std::get_if<std::optional<double> Config::*>(&member)) {
    config.**maybe = as<double>(key, value, "a number");
  } else if (const auto list = std::get_if<std::vector<double> Config::*>(&member)) {
    config.**list = as<std::vector<double>>(key, value, "a list of numbers");
  }
}

// Solver names of another class's file: diffusers maps them to the nearest of its own.
static void adapt_solver_names(Config& c) {
  const bool bh = c.solver_type == "bh1" || c.solver_type == "bh2";
  if (c.class_name == "UniPCMultistepScheduler") {
    if (!bh) c.solver_type = "bh2";
  } else if (bh || c.solver_type == "logrho") {
    c.solver_type = "midpoint";
  }
  if (c.class_name.starts_with("DPMSolver") && c.algorithm_type == "deis") c.algorithm_type = "dpmsolver++";
}

static void check_ranges(const Config& c) {
  check(c.num_train_timesteps >= 2 && c.num_train_timesteps <= 100000, ErrorKind::model,
        "scheduler_config.json: num_train_timesteps is ", c.num_train_timesteps, ", 2 to 100000 are possible");
  check(c.trained_betas.empty() || static_cast<int>(c.trained_betas.size()) == c.num_train_timesteps, ErrorKind::model,
        "scheduler_config.json: trained_betas has ", c.trained_betas.size(), " values, num_train_timesteps is ",
        c.num_train_timesteps);
  check(c.solver_order >= 1 && c.solver_order <= 3, ErrorKind::model, "scheduler_config.json: solver_order is ",
        c.solver_order, ", 1 to 3 are possible");
  check(c.predictor_order >= 1 && c.predictor_order <= 4 && c.corrector_order >= 1 && c.corrector_order <= 4,
        ErrorKind::model, "scheduler_config.json: predictor_order and corrector_order are 1 to 4");
  check(c.original_inference_steps >= 1 && c.original_inference_steps <= c.num_train_timesteps, ErrorKind::model,
        "scheduler_config.json: original_inference_steps is ", c.original_inference_steps, ", it must be 1 to ",
        c.num_train_timesteps);
  const bool known = c.prediction_type == "epsilon" || c.prediction_type == "v_prediction" || c.prediction_type == "sample";
  check(known, ErrorKind::model, "scheduler_config.json: prediction_type is \"", printable(c.prediction_type),
        "\", known are epsilon, v_prediction and sample");
}

SchedulerConfig make_scheduler_config(const std::string& class_name, const SchedulerFile& file) {
  const auto found = classes().find(class_name);
  check(found != classes().end(), ErrorKind::model, "scheduler_config.json: the class ", printable(class_name),
        " is unknown; known are ", join(scheduler_classes(), ", "));
  SchedulerConfig config;
  config.class_name = class_name;
  for (const auto& [key, value] : found->second.values) assign(config, key, value);
  const auto& not_taken = found->second.not_taken;
  for (const auto& [key, value] : file)
    if (std::find(not_taken.begin(), not_taken.end(), key) == not_taken.end()) assign(config, key, value);
  adapt_solver_names(config);
  check_ranges(config);
  return config;
}

}  // namespace imagent
