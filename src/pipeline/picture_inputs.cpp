// Keeping the parts of a picture that a mask does not hide.
#include "pipeline/picture_inputs.h"

#include <cmath>

namespace imagent {

// mask * drawn + (1 - mask) * kept, the mask the same for all channels.
static void lay_over(const Latents& mask, const Latents& kept, Latents& drawn) {
  const size_t pixels = mask.size();
  for (size_t i = 0; i < drawn.size(); ++i) {
    const float m = mask.values[i % pixels];
    drawn.values[i] = (1 - m) * kept.values[i] + m * drawn.values[i];
  }
}

void Background::after_step(const StepDone& done) const {
  const bool last = done.step == done.steps && !done.intermediate;
  if (last)
    lay_over(mask, picture, *done.latents);
  else if (!in_prediction)
    lay_over(mask, plan.add_noise(picture, noise, done.next_sigma), *done.latents);
}

void Background::after_model(const ModelCall& call, std::vector<float>& output) const {
  if (!in_prediction) return;
  const double sigma = call.sigma, root = std::sqrt(sigma * sigma + 1);
  const std::vector<float>& x = call.latents->values;  // picture + sigma * noise
  const size_t pixels = mask.size();
  for (size_t i = 0; i < output.size(); ++i) {
    const double stays = 1 - mask.values[i % pixels], wanted = picture.values[i];
    double now = 0, per_image = 0;  // the clean image in `output`, and what one unit of it changes there
    switch (plan.prediction) {
      case Parameterisation::epsilon: now = x[i] - sigma * output[i], per_image = -1 / sigma; break;
      case Parameterisation::v: now = x[i] / (root * root) - sigma / root * output[i], per_image = -root / sigma; break;
      case Parameterisation::sample: now = output[i], per_image = 1; break;
    }
    output[i] = static_cast<float>(output[i] + stays * (wanted - now) * per_image);
  }
}

}  // namespace imagent
