// conv2d, linear and attention in plain loops.
#include <algorithm>
#include <cmath>

#include "reference/reference_backend.h"
#include "reference/values.h"

namespace imagent {
namespace {

// y = act(product + bias + per_image) + residual, for [images, pixels, out].
void finish(Tensor& y, std::vector<float> product, const std::vector<float>& bias, const Epilogue& e) {
  const int64_t out = y.dim(-1), images = y.dim(0), pixels = images ? y.numel() / images / out : 0;
  const std::vector<float> per_image = e.per_image ? read_values(e.per_image) : std::vector<float>();
  const std::vector<float> residual = e.residual ? read_values(e.residual) : std::vector<float>();
  for (int64_t n = 0, i = 0; n < images; ++n)
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t o = 0; o < out; ++o, ++i) {
        float value = product[i];
        if (!bias.empty()) value += bias[o];
        if (!per_image.empty()) value += per_image[n * out + o];
        value = activate(e.act, value);
        product[i] = residual.empty() ? value : value + residual[i];
      }
  write_values(y, product);
}

}  // namespace

void ReferenceBackend::conv2d(Tensor& y, const Tensor& x, const Packed& w, const Conv2dParams& p, const Epilogue& e) {
  ++calls_;
  const auto& packed = static_cast<const ReferenceWeight&>(*w.data);
  const std::vector<float> in = read_values(x);
  std::vector<float> product(static_cast<size_t>(y.numel()));
  const int64_t height = x.dim(1), width = x.dim(2);
  // [kh,kw,out,in]: the innermost loop then runs over neighbours in both operands
  std::vector<float> weight(packed.weight.size());
  for (int64_t o = 0; o < w.out; ++o)
    for (int64_t c = 0; c < w.in; ++c)
      for (int64_t k = 0; k < w.kernel_h * w.kernel_w; ++k)
        weight[(k * w.out + o) * w.in + c] = packed.weight[(o * w.in + c) * w.kernel_h * w.kernel_w + k];

  float* to = product.data();
  for (int64_t n = 0; n < y.dim(0); ++n)
    for (int64_t i = 0; i < y.dim(1); ++i)
      for (int64_t j = 0; j < y.dim(2); ++j, to += w.out)
        for (int ki = 0; ki < w.kernel_h; ++ki)
          for (int kj = 0; kj < w.kernel_w; ++kj) {
            const int64_t si = i * p.stride + ki - p.pad_top, sj = j * p.stride + kj - p.pad_left;
            if (si < 0 || si >= height || sj < 0 || sj >= width) continue;
            const float* from = &in[((n * height + si) * width + sj) * w.in];
            const float* kernel = &weight[static_cast<size_t>((ki * w.kernel_w + kj) * w.out * w.in)];
            for (int64_t o = 0; o < w.out; ++o, kernel += w.in) {
              float sum = 0;
              for (int64_t c = 0; c < w.in; ++c) sum += from[c] * kernel[c];
              to[o] += sum;
            }
          }
  finish(y, std::move(product), packed.bias, e);
}

void ReferenceBackend::linear(Tensor& y, const Tensor& x, const Packed& w, const Epilogue& e) {
  ++calls_;
  const auto& packed = static_cast<const ReferenceWeight&>(*w.data);
  const std::vector<float> in = read_values(x);
  std::vector<float> product(static_cast<size_t>(y.numel()));
  const int64_t rows = y.numel() / w.out;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t o = 0; o < w.out; ++o) {
      float sum = 0;
      for (int64_t c = 0; c < w.in; ++c) sum += in[r * w.in + c] * packed.weight[o * w.in + c];
      product[r * w.out + o] = sum;
    }
  finish(y, std::move(product), packed.bias, e);
}

void ReferenceBackend::attention(Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, int heads, bool causal) {
  ++calls_;
  const std::vector<float> qs = read_values(q), ks = read_values(k), vs = read_values(v);
  std::vector<float> out(static_cast<size_t>(y.numel()));
  const int64_t queries = q.dim(1), keys = k.dim(1), channels = q.dim(2), width = channels / heads;
  const float scale = 1.0f / std::sqrt(static_cast<float>(width));
  std::vector<float> scores(static_cast<size_t>(keys));
  for (int64_t n = 0; n < q.dim(0); ++n)
    for (int head = 0; head < heads; ++head)
      for (int64_t t = 0; t < queries; ++t) {
        const float* query = &qs[(n * queries + t) * channels + head * width];
        const int64_t visible = causal ? t + 1 : keys;
        float largest = -INFINITY, sum = 0;
        for (int64_t s = 0; s < visible; ++s) {
          const float* key = &ks[(n * keys + s) * channels + head * width];
          float dot = 0;
          for (int64_t d = 0; d < width; ++d) dot += query[d] * key[d];
          largest = std::max(largest, scores[s] = dot * scale);
        }
        for (int64_t s = 0; s < visible; ++s) sum += scores[s] = std::exp(scores[s] - largest);
        float* to = &out[(n * queries + t) * channels + head * width];
        for (int64_t s = 0; s < visible; ++s) {
          const float* value = &vs[(n * keys + s) * channels + head * width];
          for (int64_t d = 0; d < width; ++d) to[d] += scores[s] / sum * value[d];
        }
      }
  write_values(y, out);
}

}  // namespace imagent
