// The preconditioning of Karras et al. 2022 (table 1) for discrete-time eps, v and x0 models.
#include "sampling/denoiser.h"

#include <algorithm>
#include <cmath>

namespace imagent {

static void threshold(const Clipping& clipping, Latents& image) {
  std::vector<float> sizes;
  for (const float value : image.values) sizes.push_back(std::abs(value));
  std::sort(sizes.begin(), sizes.end());
  const double at = clipping.quantile * static_cast<double>(sizes.size() - 1);
  const size_t low = static_cast<size_t>(at), high = std::min(low + 1, sizes.size() - 1);
  const double quantile = sizes[low] + (sizes[high] - sizes[low]) * (at - static_cast<double>(low));
  const auto limit = static_cast<float>(std::min(std::max(quantile, 1.0), std::max(clipping.most, 1.0)));
  for (float& value : image.values) value = std::clamp(value, -limit, limit) / limit;
}

void apply(const Clipping& clipping, Latents& image) {
  const auto range = static_cast<float>(clipping.range);
  if (clipping.threshold)
    threshold(clipping, image);
  else if (clipping.clip)
    for (float& value : image.values) value = std::clamp(value, -range, range);
}

Prediction predict(Parameterisation kind, const Clipping& clipping, const Latents& x, const Latents& output, double alpha,
                   double sigma) {
  Prediction p;
  switch (kind) {
    case Parameterisation::epsilon:
      p = {sum(1 / alpha * x, -sigma / alpha * output), output};
      break;
    case Parameterisation::v:
      p = {sum(alpha * x, -sigma * output), sum(alpha * output, sigma * x)};
      break;
    case Parameterisation::sample:
      p = {output, sum(1 / sigma * x, -alpha / sigma * output)};
      break;
  }
  apply(clipping, p.image);
  return p;
}

// LCM: the distilled times are 20 apart, counted from the end.
static double lcm_time(const NoiseSchedule& schedule, double sigma) {
  const int count = static_cast<int>(schedule.sigmas.size()), stride = count / 50;
  int best = stride - 1;
  const double wanted = std::log(sigma);
  for (int t = stride - 1; t < count; t += stride)
    if (std::abs(wanted - schedule.log_sigmas[static_cast<size_t>(t)]) <
        std::abs(wanted - schedule.log_sigmas[static_cast<size_t>(best)]))
      best = t;
  return best;
}

double Denoiser::time(double sigma) const {
  switch (rules_.time) {
    case TimeRule::plan:
      for (size_t i = 0; i < plan_.times.size(); ++i)
        if (plan_.sigmas[i] == static_cast<float>(sigma)) return plan_.times[i];
      return time_of_sigma(schedule_, sigma);
    case TimeRule::log_interpolated:
      return time_of_sigma(schedule_, sigma);
    case TimeRule::nearest:
      return nearest_time(schedule_, static_cast<float>(sigma));
    case TimeRule::lcm:
      return lcm_time(schedule_, sigma);
  }
  fail(ErrorKind::internal, "denoiser: no such time rule");
}

double Denoiser::time_between(double sigma) const {
  return rules_.time == TimeRule::plan ? time_of_sigma(schedule_, sigma) : time(sigma);
}

static void scale(Latents& x, double factor) {
  for (float& value : x.values) value = static_cast<float>(value * factor);
}

void Denoiser::inward(Latents& x, double sigma) const {
  if (rules_.scaled) scale(x, std::sqrt(1 + sigma * sigma));
}
void Denoiser::outward(Latents& x, double sigma) const {
  if (rules_.scaled) scale(x, 1 / std::sqrt(1 + sigma * sigma));
}

void Denoiser::ask(Sampling::promise_type& promise, const Latents& x, double sigma, Position position) const {
  ModelCall& call = promise.call;
  call = {};
  call.input = x;
  scale(call.input, 1 / std::sqrt(1 + sigma * sigma));
  call.timestep = time(sigma);
  call.latents = rules_.scaled ? &call.input : &x;
  call.sigma = sigma;
  call.step = position.step;
  call.steps = position.steps;
}

Latents Denoiser::receive(Sampling::promise_type& promise, const Latents& x, double sigma) const {
  check(promise.answer.has_value() && promise.answer->size() == x.size(), "sampling: the model's answer has ",
        promise.answer ? promise.answer->size() : 0, " values, ", x.size(), " are expected");
  const Latents output = std::move(*promise.answer);
  const double square = sigma * sigma;
  Latents image;
  if (rules_.kind == Parameterisation::epsilon)
    image = sum(1 * x, -sigma * output);
  else if (rules_.kind == Parameterisation::v)
    image = sum(1 / (square + 1) * x, -sigma / std::sqrt(square + 1) * output);
  else
    image = output;
  if (rules_.time == TimeRule::lcm) {
    const double t = 10 * time(sigma), data = 0.5;
    image = sum(t / std::sqrt(t * t + data * data) * image, data * data / (t * t + data * data) * x);
  }
  apply(rules_.clipping, image);
  return image;
}

}  // namespace imagent
