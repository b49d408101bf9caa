// Sinusoidal embeddings of timesteps, sizes and guidance scales. diffusers embeddings.py: get_timestep_embedding.
#pragma once
#include <span>
#include <vector>

namespace imagent {

struct SinusoidParams {
  int width = 320;
  bool flip_sin_to_cos = true;  // [cos | sin] instead of [sin | cos]
  float freq_shift = 0;
};

// values [n] -> [n,width]; an odd width ends with a zero.
std::vector<float> sinusoidal_embedding(std::span<const float> values, const SinusoidParams& params);

// LCM's embedding of the guidance scale (Luo et al. 2023): of (guidance_scale - 1) * 1000, [sin | cos] -> [width].
std::vector<float> guidance_embedding(float guidance_scale, int width);

}  // namespace imagent
