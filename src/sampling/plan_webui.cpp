// Plans by the rules of the A1111 web UI: k-diffusion tables, and DDIM, PLMS and UniPC over whole times.
// modules/sd_samplers_kdiffusion.py, sd_samplers_timesteps.py, processing.py.
#include <algorithm>
#include <cmath>

#include "sampling/alpha_samplers.h"
#include "sampling/sampling_plan.h"
#include "sampling/webui_sigmas.h"

namespace imagent {

using enum SamplerId;

// The part of a run that img2img does, in steps.
static int encode_steps(const SamplingOptions& o) {
  return o.done_steps > 0 ? o.done_steps - 1 : static_cast<int>(std::min(*o.strength, 0.999) * o.steps);
}

// ---- DDIM, PLMS, UniPC: times 1, 1 + stride, .. walked downwards; the lowest is where they end

static std::vector<int> rising_times(const SamplingOptions& o, int train_steps) {
  check(o.steps >= 1 && o.steps <= train_steps, ErrorKind::usage, "steps is ", o.steps, "; 1 to ", train_steps, " are possible");
  std::vector<int> times;
  for (int t = 0; t < train_steps; t += train_steps / o.steps) times.push_back(std::min(t + 1, train_steps - 1));
  if (o.strength) times.resize(static_cast<size_t>(std::clamp(encode_steps(o), 0, static_cast<int>(times.size()))));
  return times;
}

static std::vector<AlphaStep> time_steps(const std::vector<int>& times, const NoiseSchedule& s, bool improved_start) {
  std::vector<AlphaStep> steps;
  for (size_t i = times.size(); i-- > 1;) {
    const double a = s.alphas_cumprod[size_t(times[i])], next = s.alphas_cumprod[size_t(times[i - 1])];
    steps.push_back({double(times[i]), a, next});
    if (improved_start && i + 1 == times.size()) steps.push_back({double(times[i - 1]), a, next});
  }
  return steps;
}

static SamplingPlan plan_times(const SamplingOptions& o, const SchedulerConfig& c, const NoiseSchedule& schedule, SamplerId id) {
  SamplingPlan plan;
  plan.scaled = true;
  plan.from_image = o.strength.has_value();
  const auto times = rising_times(o, c.num_train_timesteps);
  check(times.size() >= 2, ErrorKind::usage, "no step is left to do with ", o.steps, " steps",
        o.strength ? " at this strength" : "", "; take more");
  AlphaTask task{.steps = time_steps(times, schedule, id == plms), .kind = parameterisation(c), .eta = o.eta.value_or(0),
                 .draws_always = id != plms, .eps_first = true};
  for (const auto& step : task.steps) plan.timesteps.push_back(step.time);
  if (o.strength) {
    // The start is mixed one time above the first that is walked.
    auto whole = o;
    whole.strength.reset();
    const auto all = rising_times(whole, c.num_train_timesteps);
    const double a = schedule.alphas_cumprod[size_t(all[std::min(times.size(), all.size() - 1)])];
    plan.start_sigma = std::sqrt((1 - a) / a);
  }
  plan.launch = [task, id](Latents x, Generator& generator) {
    AlphaTask mine = task;
    mine.x = std::move(x);
    mine.generator = &generator;
    if (id == plms) return sample_plms(std::move(mine));
    return id == ddim_cfgpp ? sample_ddim_cfgpp(std::move(mine)) : sample_ddim(std::move(mine));
  };
  return plan;
}

// log alpha at a continuous time in 0..1, linear between training times.
static double log_alpha(const NoiseSchedule& s, double t) {
  const auto n = static_cast<double>(s.alphas_cumprod.size());
  const double at = std::clamp(t * n - 1, 0.0, n - 1), low = std::min(std::floor(at), n - 2);
  const double a = 0.5 * std::log(double{s.alphas_cumprod[size_t(low)]}), b = 0.5 * std::log(double{s.alphas_cumprod[size_t(low) + 1]});
  return a + (b - a) * (at - low);
}

static SamplingPlan plan_unipc(const SamplingOptions& o, const SchedulerConfig& c, const NoiseSchedule& schedule) {
  const auto times = rising_times(o, c.num_train_timesteps);
  const int n = static_cast<int>(times.size());
  check(n >= 3, ErrorKind::usage, "UniPC is of order 3 and needs at least 3 steps; ", n, " are left");
  const double total = c.num_train_timesteps;
  const double start = o.strength ? (times.back() + 1) / total : 1, end = 1 / total;
  SigmaPlan levels;
  for (int i = 0; i <= n; ++i) {
    const double t = start + (end - start) * i / n, alpha = std::exp(2 * log_alpha(schedule, t));
    levels.sigmas.push_back(static_cast<float>(std::sqrt((1 - alpha) / alpha)));
    if (i < n) levels.times.push_back((t - 1 / total) * total);
  }
  SamplingPlan plan;
  plan.scaled = true;
  plan.from_image = o.strength.has_value();
  plan.timesteps = levels.times;
  plan.sigmas = levels.sigmas;
  if (o.strength) {
    auto whole = o;
    whole.strength.reset();
    const auto all = rising_times(whole, c.num_train_timesteps);
    const double a = schedule.alphas_cumprod[size_t(all[std::min(times.size(), all.size() - 1)])];
    plan.start_sigma = std::sqrt((1 - a) / a);
  }
  const Denoiser denoiser({parameterisation(c), {}, TimeRule::plan, true}, schedule, levels);
  const SolverChoice choice{.id = unipc, .config = c, .diffusers = false};
  plan.launch = [=](Latents x, Generator& generator) {
    NoiseSource noise = generator_noise(generator, x);
    return start_solver(choice, Task{.x = std::move(x), .denoiser = denoiser, .noise = std::move(noise)});
  };
  return plan;
}

// ---- the k-diffusion samplers

static std::vector<float> k_table(const SamplingOptions& o, const NoiseSchedule& schedule, const SamplerEntry& sampler,
                                  const std::string& name) {
  const int extra = sampler.discards_next_to_last ? 1 : 0;
  std::vector<float> sigmas = sampler.id == lcm && name == "uniform"
                                  ? webui_lcm_sigmas(o.steps, schedule)
                                  : webui_sigmas({.schedule = name, .steps = o.steps + extra, .sdxl = o.sdxl}, schedule);
  if (extra && sigmas.size() >= 2) sigmas.erase(sigmas.end() - 2);
  return sigmas;
}

static TimeRule time_rule(SamplingRules rules, SamplerId id) {
  if (id == lcm) return TimeRule::lcm;
  return rules == SamplingRules::a1111 ? TimeRule::log_interpolated : TimeRule::nearest;
}

static bool follows_brownian_path(SamplerId id) {
  return id == dpmpp_sde || id == dpmpp_2m_sde || id == dpmpp_2m_sde_heun || id == dpmpp_3m_sde;
}

static SamplingPlan plan_k(const SamplingOptions& o, const SchedulerConfig& c, const NoiseSchedule& schedule,
                           const SamplerEntry& sampler, const std::string& name) {
  const std::vector<float> table = k_table(o, schedule, sampler, name);
  const SamplerId id = sampler.id;
  SigmaPlan levels;
  levels.sigmas = table;
  LevelRange range{schedule.sigmas.back(), schedule.sigmas.front()};
  int calls = o.steps;
  if (o.strength) {
    const int skipped = std::clamp(o.steps - encode_steps(o) - 1, 0, static_cast<int>(table.size()) - 2);
    levels.sigmas.assign(table.begin() + skipped, table.end());
    calls = static_cast<int>(levels.sigmas.size()) - 1;
    range = {levels.sigmas.front(), levels.sigmas[levels.sigmas.size() - 2]};
  }
  levels.times.resize(levels.sigmas.size() - 1);
  const Denoiser denoiser({parameterisation(c), {}, time_rule(o.rules, id), false}, schedule, levels);
  SamplingPlan plan;
  for (size_t i = 0; i + 1 < levels.sigmas.size(); ++i) plan.timesteps.push_back(denoiser.time(levels.sigmas[i]));
  plan.sigmas = levels.sigmas;
  plan.init_noise_sigma = plan.start_sigma = levels.sigmas[0];
  plan.from_image = o.strength.has_value();
  plan.uses_ensd = sampler.uses_ensd;
  const bool brownian = follows_brownian_path(id);
  const double eta = id == dpmpp_2m || id == dpmpp_3m ? 0 : o.eta.value_or(1);
  const bool draws = id == euler || id == heun || id == dpm2 || id == heunpp2;
  const SolverChoice choice{id, c, range, calls, false};
  plan.launch = [=](Latents x, Generator& generator) {
    NoiseSource noise = brownian ? brownian_noise(table, o.seed, o.rng, x) : generator_noise(generator, x);
    return start_solver(choice, Task{.x = std::move(x), .denoiser = denoiser, .noise = std::move(noise), .eta = eta,
                                     .s_noise = o.s_noise, .churn = o.churn, .draws_always = draws});
  };
  return plan;
}

SamplingPlan plan_webui(const SamplingOptions& given) {
  SamplingOptions options = given;
  if (options.done_steps > 0 && options.strength) {  // sd_samplers_common.py: setup_img2img_steps with steps of its own
    check(*options.strength > 0, ErrorKind::usage, "no step is left to do: strength 0");
    options.steps = static_cast<int>(options.done_steps / std::min(*options.strength, 0.999));
  }
  check(!options.denoising_start && !options.denoising_end, ErrorKind::unsupported,
        "a refiner cannot take over by the rules of A1111 yet; use compat native or diffusers");
  const SamplerChoice choice = find_sampler(options.sampler.empty() ? "dpmpp_2m" : options.sampler);
  const SamplerId id = choice.sampler->id == pndm ? plms : choice.sampler->id;
  check(id != tcd, ErrorKind::usage, "the A1111 web UI has no sampler tcd; use compat native or diffusers");
  std::string name = !options.schedule.empty() ? std::string(find_schedule(options.schedule).name) : std::string(choice.schedule);
  if (name.empty() || name == "automatic") name = choice.sampler->automatic;
  const SchedulerConfig config = make_scheduler_config("EulerDiscreteScheduler", options.file);
  const bool forge = options.rules == SamplingRules::forge;
  const NoiseSchedule schedule = make_noise_schedule(config, forge ? Rounding::forge : Rounding::a1111, true);
  const bool over_times = id == ddim || id == ddim_cfgpp || id == plms;
  SamplingPlan plan = over_times     ? plan_times(options, config, schedule, id)
                      : id == unipc ? plan_unipc(options, config, schedule)
                                    : plan_k(options, config, schedule, *choice.sampler, name);
  plan.sampler = sampler_entry(id).name;
  plan.prediction = parameterisation(config);
  plan.schedule = over_times || id == unipc ? "" : name;
  return plan;
}

}  // namespace imagent
