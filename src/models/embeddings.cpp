// Sinusoidal embeddings, in f32 as PyTorch computes them: at t near 1000 the angle's rounding shows.
#include "models/embeddings.h"

#include <cmath>

namespace imagent {

std::vector<float> sinusoidal_embedding(std::span<const float> values, const SinusoidParams& params) {
  const int half = params.width / 2;
  std::vector<float> out(values.size() * static_cast<size_t>(params.width));
  const float log_period = -std::log(10000.0f) / (static_cast<float>(half) - params.freq_shift);
  for (size_t n = 0; n < values.size(); ++n) {
    float* row = &out[n * static_cast<size_t>(params.width)];
    for (int i = 0; i < half; ++i) {
      const float angle = values[n] * std::exp(log_period * static_cast<float>(i));
      row[params.flip_sin_to_cos ? half + i : i] = std::sin(angle);
      row[params.flip_sin_to_cos ? i : half + i] = std::cos(angle);
    }
  }
  return out;
}

std::vector<float> guidance_embedding(float guidance_scale, int width) {
  const float scaled = (guidance_scale - 1) * 1000;
  return sinusoidal_embedding({&scaled, 1}, {.width = width, .flip_sin_to_cos = false, .freq_shift = 1});
}

}  // namespace imagent
