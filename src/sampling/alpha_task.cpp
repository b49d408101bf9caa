// What the samplers over alphas_cumprod share: asking the model and showing steps.
#include <cmath>

#include "sampling/alpha_samplers.h"

namespace imagent {

static double sigma_of(double alpha) { return std::sqrt((1 - alpha) / alpha); }

Prediction AlphaTask::predict(const Latents& from, const Latents& output, int i) const {
  const double alpha = at(i).alpha;
  return imagent::predict(kind, clipping, from, output, std::sqrt(alpha), std::sqrt(1 - alpha));
}

void AlphaTask::ask(Sampling::promise_type& promise, const Latents& latents, int i, bool unconditional) const {
  ModelCall& call = promise.call;
  call = {};
  call.input = latents;
  call.timestep = at(i).time;
  call.latents = &latents;
  call.sigma = sigma_of(at(i).alpha);
  call.step = i;
  call.steps = count();
  if (unconditional) {
    call.wants_unconditional = true;
    call.guidance_factor = 1 / 12.5;
  }
}

void AlphaTask::show(Sampling::promise_type& promise, Latents& latents, const Latents& image, int i, bool intermediate) const {
  const bool last = i + 1 == count();
  promise.done = {i + 1, count(), intermediate, &latents, &image, sigma_of(at(i).alpha_next), last ? 0 : at(i + 1).time};
  promise.at_step = true;
}

}  // namespace imagent
