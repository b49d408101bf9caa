// Latents: what a sampler works on. One image, host memory, f32, planar [channels, height, width] as PyTorch draws it.
#pragma once
#include <array>
#include <cstddef>
#include <vector>

#include "sampling/rng.h"

namespace imagent {

struct Latents {
  int channels = 0, height = 0, width = 0;
  std::vector<float> values;

  Latents() = default;
  Latents(int channels, int height, int width)
      : channels(channels), height(height), width(width),
        values(static_cast<size_t>(channels) * static_cast<size_t>(height) * static_cast<size_t>(width)) {}
  size_t size() const { return values.size(); }
};

// One draw of standard normal noise of the given shape.
Latents draw_noise(Generator& generator, int channels, int height, int width);

// A scalar times latents; sums of such terms are rounded to f32 once, so coefficients may be as long as the paper's.
struct Term {
  double factor;
  const Latents* x;
};
inline Term operator*(double factor, const Latents& x) { return {factor, &x}; }

Latents sum(const Term* terms, size_t count);

// sum(a * x, b * y, ...): the linear combination, all of one shape.
template <class... Terms>
Latents sum(const Term& first, const Terms&... rest) {
  const std::array<Term, 1 + sizeof...(rest)> terms = {first, rest...};
  return sum(terms.data(), terms.size());
}

}  // namespace imagent
