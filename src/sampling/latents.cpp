// Linear combinations of latents.
#include "sampling/latents.h"

#include "base/error.h"

namespace imagent {

Latents draw_noise(Generator& generator, int channels, int height, int width) {
  Latents noise(channels, height, width);
  generator.normal(noise.values);
  return noise;
}

Latents sum(const Term* terms, size_t count) {
  const Latents& like = *terms[0].x;
  Latents out(like.channels, like.height, like.width);
  for (size_t k = 0; k < count; ++k)
    check(terms[k].x->size() == like.size(), "latents of ", terms[k].x->size(), " and ", like.size(), " values cannot be added");
  for (size_t i = 0; i < out.size(); ++i) {
    double total = terms[0].factor * like.values[i];
    for (size_t k = 1; k < count; ++k) total += terms[k].factor * terms[k].x->values[i];
    out.values[i] = static_cast<float>(total);
  }
  return out;
}

}  // namespace imagent
