// Plans by the rules of diffusers: a scheduler class, its timesteps, and img2img and refiner cuts of them.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "sampling/alpha_samplers.h"
#include "sampling/sampling_plan.h"
#include "sampling/webui_sigmas.h"

namespace imagent {

using enum SamplerId;

static bool over_alphas(SamplerId id) {
  return id == ddim || id == ddim_cfgpp || id == ddpm || id == pndm || id == plms || id == lcm || id == tcd;
}
static bool is_sde(SamplerId id) { return id == dpmpp_2m_sde || id == dpmpp_2m_sde_heun || id == dpmpp_3m_sde; }
static bool two_calls(SamplerId id) {
  return id == heun || id == dpm2 || id == dpm2_a || id == dpmpp_sde || id == dpmpp_2s_a;
}

// The class that sets the times, and what the sampler's name says about its keys.
static SchedulerConfig config_of(const SamplingOptions& options, const SamplerEntry* sampler) {
  if (!sampler) return make_scheduler_config(options.file_class, options.file);
  std::string class_name(sampler->diffusers_class);
  if (class_name.empty() || sampler->id == ipndm) class_name = "EulerDiscreteScheduler";
  if (sampler->id == ddim_cfgpp) class_name = "DDIMScheduler";
  SchedulerConfig c = make_scheduler_config(class_name, options.file);
  if (options.file_class == class_name) return c;
  if (sampler->id == plms) c.skip_prk_steps = true;
  return c;
}

// Variants of one class, told apart by the name.
static void apply_name(SchedulerConfig& c, SamplerId id) {
  if (c.class_name != "DPMSolverMultistepScheduler") return;
  if (id == dpmpp_3m || id == dpmpp_3m_sde) c.solver_order = 3;
  if (id == dpmpp_2m_sde || id == dpmpp_2m_sde_heun) c.solver_order = 2;
  if (is_sde(id)) c.algorithm_type = "sde-dpmsolver++";
  if (id == dpmpp_2m_sde_heun) c.solver_type = "heun";
}

// True when the schedule is a table of the web UI's.
static bool apply_schedule(SchedulerConfig& c, const std::string& name, SamplerId id) {
  if (name.empty() || name == "automatic") return false;
  const bool spacing = name == "leading" || name == "trailing" || name == "linspace";
  if (spacing) c.timestep_spacing = name;
  if (name != "normal" && !spacing)
    check(!over_alphas(id), ErrorKind::usage, "the sampler ", sampler_entry(id).name, " cannot follow the schedule ", name,
          "; it can: leading, trailing, linspace");
  c.use_karras_sigmas = name == "karras";
  c.use_exponential_sigmas = name == "exponential";
  c.use_beta_sigmas = name == "beta";
  c.use_lu_lambdas = false;
  return !spacing && name != "normal" && name != "karras" && name != "exponential" && name != "beta";
}

// The sampler that a class of the model's file stands for.
static SamplerId id_of(const SchedulerConfig& c) {
  for (const auto& entry : samplers())
    if (entry.diffusers_class == c.class_name) return entry.id;
  fail(ErrorKind::internal, "no sampler for ", c.class_name);
}

// Of `calls` model calls at `times`: the first that is made, and how many. A refiner's parts are cut at a training time.
struct Cut {
  size_t begin = 0, end = 0;
};
static Cut cut(const SamplingOptions& o, const std::vector<double>& times, int train_steps, size_t order) {
  Cut out{0, times.size()};
  const auto threshold = [&](double part) {
    check(part > 0 && part < 1, ErrorKind::usage, "the refiner's switch is ", part, ", it must lie between 0 and 1");
    return static_cast<double>(static_cast<int>(std::nearbyint(train_steps - part * train_steps)));
  };
  if (o.denoising_end) {
    const double limit = threshold(*o.denoising_end);
    out.end = static_cast<size_t>(std::count_if(times.begin(), times.end(), [&](double t) { return t >= limit; }));
  }
  if (o.denoising_start) {
    const double limit = threshold(*o.denoising_start);
    auto left = static_cast<size_t>(std::count_if(times.begin(), times.end(), [&](double t) { return t < limit; }));
    if (order == 2 && left % 2 == 0) ++left;  // not into the middle of a step
    out.begin = times.size() - std::min(left, times.size());
  } else if (o.strength && !o.distilled) {
    const int kept = std::min(static_cast<int>(o.steps * *o.strength), o.steps);
    out.begin = static_cast<size_t>(o.steps - kept) * order;
  }
  const bool any = !o.strength || o.distilled || static_cast<int>(o.steps * *o.strength) > 0;
  check(any && out.begin < out.end, ErrorKind::usage, "no step is left to do: strength ", o.strength.value_or(1), " of ", o.steps,
        " steps; take more of either");
  return out;
}

static void set_cut(SamplingPlan& plan, const SamplingOptions& options, std::vector<double> times, const Cut& part) {
  plan.from_image = options.strength.has_value();
  if (part.end < times.size()) plan.stop_after = static_cast<int>(part.end - part.begin);
  plan.timesteps.assign(times.begin() + static_cast<ptrdiff_t>(part.begin), times.begin() + static_cast<ptrdiff_t>(part.end));
}

// ---- samplers over alphas_cumprod

static std::vector<AlphaStep> ddim_steps(const SchedulerConfig& c, const NoiseSchedule& s, int steps) {
  const double last = c.set_alpha_to_one ? 1 : s.alphas_cumprod[0];
  const int stride = c.num_train_timesteps / steps;
  std::vector<AlphaStep> out;
  for (const int t : diffusers_timesteps(c, steps))
    out.push_back({double(t), s.alphas_cumprod[size_t(t)], t >= stride ? s.alphas_cumprod[size_t(t - stride)] : last});
  return out;
}

static std::vector<AlphaStep> ddpm_steps(const SchedulerConfig& c, const NoiseSchedule& s, int steps) {
  const auto times = diffusers_timesteps(c, steps);
  std::vector<AlphaStep> out;
  for (size_t i = 0; i < times.size(); ++i)
    out.push_back({double(times[i]), s.alphas_cumprod[size_t(times[i])],
                   i + 1 < times.size() ? double(s.alphas_cumprod[size_t(times[i + 1])]) : 1.0});
  return out;
}

// `begin`: img2img counts the calls from there, so the second call made is the second half of the improved Euler step.
static std::vector<AlphaStep> pndm_steps(const SchedulerConfig& c, const NoiseSchedule& s, const PndmTimes& times, int steps, size_t begin) {
  const double last = c.set_alpha_to_one ? 1 : s.alphas_cumprod[0];
  const int stride = c.num_train_timesteps / steps, top = c.num_train_timesteps - 1;
  const auto alpha = [&](int t) { return t < 0 ? last : double(s.alphas_cumprod[size_t(std::min(t, top))]); };
  std::vector<AlphaStep> out;
  for (size_t i = 0; i < times.times.size(); ++i) {
    const int t = times.times[i];
    if (i < times.prk)
      out.push_back({double(t), alpha(times.times[i / 4 * 4]), alpha(t - (i % 2 ? 0 : stride / 2))});
    else if (times.prk == 0 && i == begin + 1)
      out.push_back({double(t), alpha(t + stride), alpha(t)});
    else
      out.push_back({double(t), alpha(t), alpha(t - stride)});
  }
  return out;
}

static std::vector<AlphaStep> distilled_steps(const SchedulerConfig& c, const NoiseSchedule& s, const SamplingOptions& o,
                                              SamplerId id, double eta) {
  // The LCM pipelines of diffusers pass the strength on; TCD's class is not asked for it.
  const auto times = distilled_timesteps(c, o.steps, id == lcm ? o.strength.value_or(1) : 1);
  std::vector<AlphaStep> out;
  for (size_t i = 0; i < times.size(); ++i) {
    const bool last = i + 1 == times.size();
    const int t = times[i], next = last ? (id == lcm ? t : 0) : times[i + 1];
    const int between = static_cast<int>(std::floor((1 - static_cast<float>(eta)) * static_cast<float>(next)));
    out.push_back({double(t), s.alphas_cumprod[size_t(t)], s.alphas_cumprod[size_t(next)], s.alphas_cumprod[size_t(between)]});
  }
  return out;
}

static SamplingPlan plan_alphas(const SamplingOptions& o, const SchedulerConfig& c, SamplerId id) {
  const NoiseSchedule schedule = make_noise_schedule(c, Rounding::diffusers, false);
  const double eta = o.eta.value_or(id == tcd ? 0.3 : 0);
  SamplingPlan plan;
  plan.scaled = true;
  AlphaTask task{.kind = parameterisation(c), .clipping = clipping_of(c), .eta = eta, .variance_type = c.variance_type,
                 .timestep_scaling = c.timestep_scaling};
  std::vector<double> times;
  std::vector<AlphaStep> steps;
  if (id == pndm || id == plms) {
    PndmTimes pndm = pndm_timesteps(c, o.steps);
    for (const int t : pndm.times) times.push_back(t);
    const Cut part = cut(o, times, c.num_train_timesteps, 1);
    if (part.begin > 0) pndm.prk = 0;
    task.prk = pndm.prk;
    steps = pndm_steps(c, schedule, pndm, o.steps, part.begin);
  } else {
    steps = id == ddpm                ? ddpm_steps(c, schedule, o.steps)
            : id == lcm || id == tcd ? distilled_steps(c, schedule, o, id, eta)
                                     : ddim_steps(c, schedule, o.steps);
    for (const auto& step : steps) times.push_back(step.time);
  }
  const Cut part = cut(o, times, c.num_train_timesteps, 1);
  set_cut(plan, o, times, part);
  task.steps.assign(steps.begin() + static_cast<ptrdiff_t>(part.begin), steps.end());
  const double a = schedule.alphas_cumprod[size_t(task.steps[0].time)];
  plan.start_sigma = std::sqrt((1 - a) / a);
  plan.launch = [task, id](Latents x, Generator& generator) {
    AlphaTask mine = task;
    mine.x = std::move(x);
    mine.generator = &generator;
    switch (id) {
      case ddpm: return sample_ddpm(std::move(mine));
      case ddim_cfgpp: return sample_ddim_cfgpp(std::move(mine));
      case lcm: return sample_lcm(std::move(mine));
      case tcd: return sample_tcd(std::move(mine));
      case ddim: return sample_ddim(std::move(mine));
      default: return sample_plms(std::move(mine));
    }
  };
  return plan;
}

// IPNDMScheduler has a noise schedule of its own: an angle that falls from a quarter turn to 0.
static SamplingPlan plan_angles(const SamplingOptions& o) {
  check(!o.strength && !o.denoising_start, ErrorKind::usage, "IPNDMScheduler cannot start from an image; take the sampler ipndm");
  SamplingPlan plan;
  plan.scaled = true;
  std::vector<float> sines = linspace_f32(1, 0, o.steps + 1);
  for (float& s : sines) s = static_cast<float>(std::pow(std::sin(double{s} * static_cast<float>(std::numbers::pi) / 2), 2));
  AlphaTask task;
  for (int i = 0; i < o.steps; ++i) {
    const double s = sines[size_t(i)], next = sines[size_t(i) + 1];
    const double time = std::atan2(s, std::sqrt(1 - s * s)) / std::numbers::pi * 2;
    task.steps.push_back({time, 1 - s * s, 1 - next * next});
    plan.timesteps.push_back(time);
  }
  plan.launch = [task](Latents x, Generator&) {
    AlphaTask mine = task;
    mine.x = std::move(x);
    return sample_ipndm_angles(std::move(mine));
  };
  return plan;
}

// ---- samplers over noise levels

// All model calls of a run, with those in the middle of steps.
static std::vector<double> call_times(const Denoiser& denoiser, SamplerId id) {
  const SigmaPlan& plan = denoiser.plan();
  if (!two_calls(id)) return plan.times;
  std::vector<double> out;
  for (size_t i = 0; i < plan.times.size(); ++i) {
    out.push_back(plan.times[i]);
    const double from = plan.sigmas[i], to = plan.sigmas[i + 1];
    if (to == 0) continue;
    const double down = id == dpm2_a || id == dpmpp_2s_a ? ancestral_step(from, to, 1).down : to;
    out.push_back(id == heun ? denoiser.time(to) : denoiser.time_between(std::sqrt(from * down)));
  }
  return out;
}

static SigmaPlan table_plan(const SamplingOptions& o, const NoiseSchedule& schedule, const std::string& name) {
  SigmaPlan plan;
  plan.sigmas = webui_sigmas({.schedule = name, .steps = o.steps, .sdxl = o.sdxl}, schedule);
  for (size_t i = 0; i + 1 < plan.sigmas.size(); ++i) plan.times.push_back(time_of_sigma(schedule, plan.sigmas[i]));
  plan.init_noise_sigma = plan.sigmas[0];
  return plan;
}

static SamplingPlan plan_levels(const SamplingOptions& o, const SchedulerConfig& c, SamplerId id, const std::string& table) {
  const std::string& cls = c.class_name;
  const bool scaled = cls.starts_with("DPMSolverMulti") || cls.starts_with("DPMSolverSingle") || cls == "DEISMultistepScheduler" ||
                      cls == "UniPCMultistepScheduler" || cls == "SASolverScheduler";
  const NoiseSchedule schedule = make_noise_schedule(c, Rounding::diffusers, true);
  SigmaPlan levels = table.empty() ? diffusers_sigmas(c, schedule, o.steps) : table_plan(o, schedule, table);
  if (scaled) levels.init_noise_sigma = 1;
  const Denoiser denoiser({parameterisation(c), clipping_of(c), TimeRule::plan, scaled}, schedule, levels);
  SamplingPlan plan;
  plan.scaled = scaled;
  plan.init_noise_sigma = levels.init_noise_sigma;
  plan.sigmas = levels.sigmas;
  const size_t order = two_calls(id) ? 2 : 1;
  const auto times = call_times(denoiser, id);
  const Cut part = cut(o, times, c.num_train_timesteps, order);
  set_cut(plan, o, times, part);
  const int begin = static_cast<int>(part.begin / order);
  plan.start_sigma = levels.sigmas[size_t(begin)];

  // Only these follow a Brownian path in diffusers; the others draw from the generator.
  const bool brownian = id == dpmpp_sde;
  const uint64_t seed = c.noise_sampler_seed ? static_cast<uint64_t>(*c.noise_sampler_seed) : o.seed;
  const bool sde = c.algorithm_type.starts_with("sde-");
  const double eta = scaled ? (sde ? 1 : 0) : o.eta.value_or(id == dpm_fast || id == dpm_adaptive ? 0 : 1);
  const LevelRange range{levels.sigmas[size_t(begin)], schedule.sigmas.front()};
  const SolverChoice choice{id, c, range, o.steps - begin, true};
  plan.launch = [=, rng = o.rng](Latents x, Generator& generator) {
    NoiseSource noise = brownian ? brownian_noise(levels.sigmas, seed, rng, x) : generator_noise(generator, x);
    return start_solver(choice, Task{.x = std::move(x), .denoiser = denoiser, .begin = begin, .noise = std::move(noise),
                                     .eta = eta, .draws_always = id == euler_a || sde});
  };
  return plan;
}

// Of which the strength leaves exactly those that are to be done.
static int total_steps(const SamplingOptions& o) {
  check(*o.strength > 0, ErrorKind::usage, "no step is left to do: strength 0");
  return static_cast<int>(std::ceil(o.done_steps / *o.strength));
}

SamplingPlan plan_diffusers(const SamplingOptions& given) {
  SamplingOptions options = given;
  const SamplerEntry* sampler = nullptr;
  std::string schedule = options.schedule.empty() ? "" : std::string(find_schedule(options.schedule).name);
  if (!options.sampler.empty()) {
    const SamplerChoice choice = find_sampler(options.sampler);
    sampler = choice.sampler;
    if (schedule.empty()) schedule = choice.schedule;
  }
  SchedulerConfig config = config_of(options, sampler);
  const SamplerId id = sampler ? sampler->id : id_of(config);
  if (sampler) apply_name(config, id);
  options.distilled = options.distilled && id == lcm;
  if (options.done_steps > 0 && options.strength) options.steps = options.distilled ? options.done_steps : total_steps(options);
  const bool table = apply_schedule(config, schedule, id);
  SamplingPlan plan = !sampler && config.class_name == "IPNDMScheduler" ? plan_angles(options)
                      : over_alphas(id)                                 ? plan_alphas(options, config, id)
                                                                        : plan_levels(options, config, id, table ? schedule : "");
  plan.sampler = sampler_entry(id).name;
  plan.schedule = schedule;
  plan.uses_ensd = sampler_entry(id).uses_ensd;
  plan.prediction = parameterisation(config);
  return plan;
}

}  // namespace imagent
