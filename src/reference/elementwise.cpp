// Norms, activations and sums in plain loops.
#include <cmath>

#include "reference/reference_backend.h"
#include "reference/values.h"

namespace imagent {

float activate(Act act, float x) {
  switch (act) {
    case Act::none: return x;
    case Act::silu: return x / (1 + std::exp(-x));
    case Act::gelu: return 0.5f * x * (1 + std::erf(x * 0.70710678f));
    case Act::gelu_tanh: return 0.5f * x * (1 + std::tanh(0.79788456f * (x + 0.044715f * x * x * x)));
    case Act::quick_gelu: return x / (1 + std::exp(-1.702f * x));
    case Act::relu: return std::max(x, 0.0f);
    case Act::leaky_relu: return x < 0 ? 0.2f * x : x;
    case Act::tanh: return std::tanh(x);
  }
  return x;
}

namespace {

// Mean and variance of what `at` gives for 0..count-1; two passes keep a large mean harmless.
template <class At>
std::pair<double, double> moments(int64_t count, At at) {
  double mean = 0, variance = 0;
  for (int64_t i = 0; i < count; ++i) mean += at(i);
  mean /= static_cast<double>(count);
  for (int64_t i = 0; i < count; ++i) variance += (at(i) - mean) * (at(i) - mean);
  variance /= static_cast<double>(count);
  return {mean, variance};
}

// Mean and 1/sqrt(variance + eps).
std::pair<float, float> normalizer(std::pair<double, double> moments, float eps) {
  return {static_cast<float>(moments.first), static_cast<float>(1 / std::sqrt(moments.second + eps))};
}

}  // namespace

void ReferenceBackend::group_norm(Tensor& y, const Tensor& x, const NormParams& p, int groups, Act act) {
  ++calls_;
  std::vector<float> values = read_values(x);
  const std::vector<float> gamma = read_values(p.gamma), beta = read_values(p.beta);
  const std::vector<float> given = p.statistics ? read_values(p.statistics) : std::vector<float>();
  const int64_t channels = x.dim(-1), width = channels / groups, images = x.dim(0), pixels = images ? x.numel() / images / channels : 0;
  for (int64_t n = 0; n < images; ++n)
    for (int64_t g = 0; g < groups; ++g) {
      float* first = &values[n * pixels * channels + g * width];
      const auto at = [&](int64_t i) -> float& { return first[i / width * channels + i % width]; };
      const auto [mean, scale] = normalizer(given.empty() ? moments(pixels * width, at) : std::pair<double, double>(given[2 * g], given[2 * g + 1]), p.eps);
      for (int64_t i = 0; i < pixels * width; ++i) {
        const int64_t c = g * width + i % width;
        at(i) = activate(act, (at(i) - mean) * scale * gamma[c] + beta[c]);
      }
    }
  write_values(y, values);
}

void ReferenceBackend::group_statistics(Tensor& y, const Tensor& x, int groups) {
  ++calls_;
  const std::vector<float> values = read_values(x);
  const int64_t channels = x.dim(-1), width = channels / groups, images = x.dim(0), pixels = images ? x.numel() / images / channels : 0;
  std::vector<float> out;
  for (int64_t n = 0; n < images; ++n)
    for (int64_t g = 0; g < groups; ++g) {
      const float* first = &values[n * pixels * channels + g * width];
      const auto [mean, variance] = moments(pixels * width, [&](int64_t i) { return first[i / width * channels + i % width]; });
      out.push_back(static_cast<float>(mean));
      out.push_back(static_cast<float>(variance));
    }
  write_values(y, out);
}

void ReferenceBackend::layer_norm(Tensor& y, const Tensor& x, const NormParams& p) {
  ++calls_;
  std::vector<float> values = read_values(x);
  const std::vector<float> gamma = read_values(p.gamma), beta = read_values(p.beta);
  const int64_t channels = x.dim(-1);
  for (int64_t row = 0; row < x.numel() / channels; ++row) {
    float* first = &values[row * channels];
    const auto [mean, scale] = normalizer(moments(channels, [&](int64_t i) { return first[i]; }), p.eps);
    for (int64_t c = 0; c < channels; ++c) first[c] = (first[c] - mean) * scale * gamma[c] + beta[c];
  }
  write_values(y, values);
}

void ReferenceBackend::unary(Tensor& y, const Tensor& x, Act act) {
  ++calls_;
  std::vector<float> values = read_values(x);
  for (float& value : values) value = activate(act, value);
  write_values(y, values);
}

void ReferenceBackend::geglu(Tensor& y, const Tensor& x) {
  ++calls_;
  const std::vector<float> in = read_values(x);
  std::vector<float> out(static_cast<size_t>(y.numel()));
  const int64_t width = y.dim(-1);
  for (int64_t i = 0; i < y.numel(); ++i) {
    const float* row = &in[i / width * 2 * width];
    out[i] = row[i % width] * activate(Act::gelu, row[width + i % width]);
  }
  write_values(y, out);
}

void ReferenceBackend::axpby(Tensor& y, float a, const Tensor& x, float b, const Tensor& z) {
  ++calls_;
  std::vector<float> values = read_values(x);
  const std::vector<float> others = read_values(z);
  for (size_t i = 0; i < values.size(); ++i) values[i] = a * values[i] + b * others[i];
  write_values(y, values);
}

void ReferenceBackend::scale_pixels(Tensor& y, const Tensor& x, const Tensor& scale) {
  ++calls_;
  std::vector<float> values = read_values(x);
  const std::vector<float> scales = read_values(scale);
  const auto width = static_cast<size_t>(x.dim(-1));
  for (size_t i = 0; i < values.size(); ++i) values[i] *= scales[i / width % scales.size()];
  write_values(y, values);
}

}  // namespace imagent
