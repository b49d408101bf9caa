// FreeU. Computed on the host: it is little work between layers, and four frequencies need no Fourier transform.
#include "models/freeu.h"

#include <cmath>
#include <numbers>

#include "ops/ops.h"

namespace imagent {
namespace {

// Cosines and sines of the waves, one row each, over the pixels in rows.
std::vector<std::vector<float>> low_waves(int64_t height, int64_t width) {
  std::vector<std::vector<float>> waves;
  for (int64_t fy = height > 1 ? -1 : 0; fy <= 0; ++fy)
    for (int64_t fx = width > 1 ? -1 : 0; fx <= 0; ++fx) {
      std::vector<float> cosine, sine;
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x) {
          const double angle = 2 * std::numbers::pi * (static_cast<double>(fy * y) / static_cast<double>(height) + static_cast<double>(fx * x) / static_cast<double>(width));
          cosine.push_back(static_cast<float>(std::cos(angle)));
          sine.push_back(static_cast<float>(std::sin(angle)));
        }
      waves.push_back(std::move(cosine));
      if (fy != 0 || fx != 0) waves.push_back(std::move(sine));
    }
  return waves;
}

// pixels [P,C] += (scale - 1) * their part in the waves
void scale_waves(std::span<float> pixels, size_t channels, const std::vector<std::vector<float>>& waves, float scale) {
  const size_t count = pixels.size() / channels;
  const float share = (scale - 1) / static_cast<float>(count);
  std::vector<std::vector<float>> parts(waves.size(), std::vector<float>(channels));
  for (size_t wave = 0; wave < waves.size(); ++wave)
    for (size_t p = 0; p < count; ++p)
      for (size_t c = 0; c < channels; ++c) parts[wave][c] += waves[wave][p] * pixels[p * channels + c];
  for (size_t wave = 0; wave < waves.size(); ++wave)
    for (size_t p = 0; p < count; ++p)
      for (size_t c = 0; c < channels; ++c) pixels[p * channels + c] += share * waves[wave][p] * parts[wave][c];
}

Tensor upload_like(const Tensor& x, std::span<const float> values) { return cast(upload(x.backend(), x.shape(), values), x.dtype()); }

Tensor amplify_half(const Tensor& x, float factor) {
  std::vector<float> values = download(x);
  const auto channels = static_cast<size_t>(x.dim(-1));
  for (size_t i = 0; i < values.size(); i += channels)
    for (size_t c = 0; c < channels / 2; ++c) values[i + c] *= factor;
  return upload_like(x, values);
}

}  // namespace

Tensor scale_low_frequencies(const Tensor& x, float scale) {
  std::vector<float> values = download(x);
  const auto waves = low_waves(x.dim(1), x.dim(2));
  const size_t size = values.size() / static_cast<size_t>(x.dim(0));
  for (size_t at = 0; at < values.size(); at += size) scale_waves(std::span(values).subspan(at, size), static_cast<size_t>(x.dim(-1)), waves, scale);
  return upload_like(x, values);
}

void FreeU::apply(size_t level, Tensor& x, Tensor& skip) const {
  if (level > 1) return;
  const float b = level == 0 ? b1 : b2, s = level == 0 ? s1 : s2;
  if (b != 1) x = amplify_half(x, b);
  if (s != 1) skip = scale_low_frequencies(skip, s);
}

}  // namespace imagent
