// From "which sampler, which schedule, how many steps" to a running sampler: what the pipeline uses of this folder.
//
//   const SamplingPlan plan = plan_sampling({.file = keys, .file_class = "PNDMScheduler", .sampler = "DPM++ 2M Karras", .steps = 20});
//   Latents noise = draw_noise(*generator, 4, 64, 64);
//   Sampling run = plan.run(plan.start(noise), *generator);       // then as at the top of sampling.h
#pragma once
#include <functional>
#include <optional>

#include "sampling/brownian.h"
#include "sampling/samplers.h"
#include "sampling/solvers.h"

namespace imagent {

enum class SamplingRules {
  diffusers,       // compat native and diffusers
  a1111,           // A1111's tables, the time interpolated in log sigma
  a1111_quantized,  // its option "enable quantization"
  forge,           // A1111's samplers in Forge: nearest whole time
};

struct SamplingOptions {
  SchedulerFile file = {};                   // the keys of the model's scheduler_config.json
  std::string file_class = "PNDMScheduler";  // its _class_name
  std::string sampler = {}, schedule = {};   // any spelling; "": the model's own, the sampler's own
  SamplingRules rules = SamplingRules::diffusers;
  int steps = 20;
  std::optional<double> eta = {};            // absent: the sampler's own
  double s_noise = 1;                        // A1111 rules: factor of added noise
  Churn churn = {};                          // A1111 rules
  std::optional<double> strength = {};       // image to image: the part of the run that is done
  int done_steps = 0;                        // above 0: with a strength, that many steps are done; `steps` follows from it
  bool distilled = false;                    // an LCM with its own pipeline: all steps are done, within the strength's part of the times
  std::optional<double> denoising_start = {}, denoising_end = {};  // refiner: parts of the training times, 0.8 and so on
  uint64_t seed = 0;                         // of the image: Brownian paths come from it
  GeneratorKind rng = GeneratorKind::cpu;    // draws Brownian paths
  bool sdxl = false;                         // align_your_steps has levels of its own for SDXL
};

class SamplingPlan {
 public:
  // The times of the model calls that will be made, in order. A1111's rules: the first call of each step.
  std::vector<double> timesteps;
  std::vector<float> sigmas;    // the whole table of levels; empty for samplers over alphas_cumprod
  double init_noise_sigma = 1;  // pure noise is multiplied by it
  double start_sigma = 0;       // level of the first step
  bool scaled = false;          // latents are divided by sqrt(1 + sigma^2), as variance-preserving samplers see them
  bool from_image = false;      // the run starts from an image: strength was given
  std::string sampler, schedule;  // what is really used: a canonical name (or a diffusers class), a schedule ("": own)
  bool uses_ensd = false;       // A1111's ENSD applies to this sampler
  Parameterisation prediction = Parameterisation::epsilon;  // what the model's answers are

  // What goes into run(): pure noise; or, when from_image, the image with noise.
  Latents start(const Latents& noise) const;
  Latents start(const Latents& image, const Latents& noise) const;
  // The image with noise of a level, e.g. StepDone::next_sigma when a mask keeps a part of it (0: the image itself).
  Latents add_noise(const Latents& image, const Latents& noise, double sigma) const;

  // A started sampling from these latents (those of start(), or the latents of a base model when this is its refiner).
  // The generator is used until it ends.
  Sampling run(Latents latents, Generator& generator) const;

  std::function<Sampling(Latents, Generator&)> launch;
  int stop_after = 0;           // calls after which the refiner takes over, 0: never
};

// Errors: usage (unknown names, steps or strength out of range, a schedule that the sampler cannot follow), model.
SamplingPlan plan_sampling(const SamplingOptions& options);

// The two halves of plan_sampling.
SamplingPlan plan_diffusers(const SamplingOptions& options);
SamplingPlan plan_webui(const SamplingOptions& options);

// A solver over noise levels by name, and what it needs besides a task.
struct SolverChoice {
  SamplerId id;
  SchedulerConfig config = {};
  LevelRange range = {};    // dpm_fast, dpm_adaptive
  int steps = 0;
  bool diffusers = true;
};
Sampling start_solver(const SolverChoice& choice, Task task);

// Noise from the image's generator, or from a Brownian path between the ends of `sigmas`.
NoiseSource generator_noise(Generator& generator, const Latents& like);
NoiseSource brownian_noise(const std::vector<float>& sigmas, uint64_t seed, GeneratorKind kind, const Latents& like);

Parameterisation parameterisation(const SchedulerConfig& config);
Clipping clipping_of(const SchedulerConfig& config);

}  // namespace imagent
