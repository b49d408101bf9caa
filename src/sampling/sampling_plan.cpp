// What plans of both kinds share: starting latents, noise sources, the solver of a name.
#include "sampling/sampling_plan.h"

#include <algorithm>
#include <cmath>

namespace imagent {

Latents SamplingPlan::start(const Latents& noise) const { return sum(init_noise_sigma * noise); }

Latents SamplingPlan::start(const Latents& image, const Latents& noise) const { return add_noise(image, noise, start_sigma); }

Latents SamplingPlan::add_noise(const Latents& image, const Latents& noise, double sigma) const {
  if (!scaled) return sum(1 * image, sigma * noise);
  const double alpha = 1 / (1 + sigma * sigma);
  return sum(std::sqrt(alpha) * image, std::sqrt(1 - alpha) * noise);
}

Sampling SamplingPlan::run(Latents latents, Generator& generator) const {
  Sampling sampling = launch(std::move(latents), generator);
  if (stop_after > 0) sampling.stop_after(stop_after);
  sampling.start();
  return sampling;
}

SamplingPlan plan_sampling(const SamplingOptions& options) {
  check(!options.strength || (*options.strength >= 0 && *options.strength <= 1), ErrorKind::usage, "strength is ",
        options.strength.value_or(0), ", it must be 0 to 1");
  check(!options.eta || *options.eta >= 0, ErrorKind::usage, "eta is ", options.eta.value_or(0), ", it must not be negative");
  return options.rules == SamplingRules::diffusers ? plan_diffusers(options) : plan_webui(options);
}

Parameterisation parameterisation(const SchedulerConfig& config) {
  if (config.prediction_type == "v_prediction") return Parameterisation::v;
  return config.prediction_type == "sample" ? Parameterisation::sample : Parameterisation::epsilon;
}

Clipping clipping_of(const SchedulerConfig& c) {
  return {c.clip_sample, c.thresholding, c.clip_sample_range, c.dynamic_thresholding_ratio, c.sample_max_value};
}

NoiseSource generator_noise(Generator& generator, const Latents& like) {
  return [&generator, c = like.channels, h = like.height, w = like.width](double, double) {
    return draw_noise(generator, c, h, w);
  };
}

NoiseSource brownian_noise(const std::vector<float>& sigmas, uint64_t seed, GeneratorKind kind, const Latents& like) {
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (const double sigma : sigmas) {
    if (sigma > 0) low = std::min(low, sigma);
    high = std::max(high, sigma);
  }
  if (!(low < high)) low = high / 2;  // a single level: no step asks for noise
  Latents shape = like;
  return [tree = BrownianTree(low, high, seed, like.size(), kind), shape](double sigma, double sigma_next) {
    Latents noise = shape;
    noise.values = tree.noise(sigma, sigma_next);
    return noise;
  };
}

static ExponentialOptions exponential_options(const SolverChoice& choice) {
  const SchedulerConfig& c = choice.config;
  if (choice.diffusers)
    return {.order = c.solver_order, .heun = c.solver_type == "heun", .noise_prediction = !c.algorithm_type.ends_with("++"),
            .lower_order_final = c.lower_order_final, .euler_at_final = c.euler_at_final, .diffusers_third_order_sde = true};
  const bool third = choice.id == SamplerId::dpmpp_3m_sde || choice.id == SamplerId::dpmpp_3m;
  return {.order = third ? 3 : 2, .heun = third || choice.id == SamplerId::dpmpp_2m_sde_heun};
}

static Sampling start_slopes(const SolverChoice& choice, Task task) {
  const std::vector<float> sigmas = task.sigmas();
  const int n = task.steps();
  SlopeCoefficients coefficients;
  switch (choice.id) {
    case SamplerId::lms: coefficients = lms_coefficients(sigmas, n); break;
    case SamplerId::ipndm: coefficients = ipndm_coefficients(sigmas, n); break;
    case SamplerId::ipndm_v: coefficients = ipndm_v_coefficients(sigmas, n); break;
    default:
      coefficients = choice.diffusers ? deis_rho_coefficients(sigmas, n, task.begin, choice.config.solver_order, choice.config.lower_order_final)
                                      : deis_time_coefficients(sigmas, n);
  }
  return linear_multistep(std::move(task), std::move(coefficients));
}

Sampling start_solver(const SolverChoice& choice, Task task) {
  using enum SamplerId;
  const SchedulerConfig& c = choice.config;
  switch (choice.id) {
    case euler: return sample_euler(std::move(task));
    case euler_a: return sample_euler_ancestral(std::move(task));
    case heun: return sample_heun(std::move(task));
    case heunpp2: return sample_heunpp2(std::move(task));
    case dpm2: return sample_dpm2(std::move(task));
    case dpm2_a: return sample_dpm2_ancestral(std::move(task));
    case dpmpp_2s_a: return sample_dpmpp_2s_ancestral(std::move(task));
    case dpmpp_sde: return sample_dpmpp_sde(std::move(task));
    case restart: return sample_restart(std::move(task));
    case lcm: return sample_consistency(std::move(task));
    case ddpm: return sample_ddpm_sigmas(std::move(task));
    case lms: case ipndm: case ipndm_v: case deis: return start_slopes(choice, std::move(task));
    case dpmpp_2m: case dpmpp_3m: case dpmpp_2m_sde: case dpmpp_2m_sde_heun: case dpmpp_3m_sde:
      return dpm_multistep(std::move(task), exponential_options(choice));
    case dpmpp_2s: return dpm_singlestep(std::move(task), exponential_options(choice));
    case unipc:
      if (!choice.diffusers) return sample_unipc(std::move(task), {.order = 3, .bh1 = true});
      return sample_unipc(std::move(task), {c.solver_order, c.solver_type == "bh1", c.predict_x0, c.lower_order_final, c.disable_corrector});
    case sa_solver:
      return sample_sa_solver(std::move(task), {c.predictor_order, c.corrector_order, c.algorithm_type == "data_prediction", c.lower_order_final});
    case dpm_fast: return sample_dpm_fast(std::move(task), choice.range, choice.steps);
    case dpm_adaptive: return sample_dpm_adaptive(std::move(task), choice.range);
    default: fail(ErrorKind::internal, "this sampler does not work over noise levels");
  }
}

}  // namespace imagent
