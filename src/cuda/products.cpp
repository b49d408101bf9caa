// conv2d, linear and attention.
#include "cuda/products.h"

#include <algorithm>
#include <cmath>

#include "cuda/kernels.h"

namespace imagent::cuda {
namespace {

void* element(const Tensor& x, int64_t index) { return static_cast<char*>(x.data()) + index * static_cast<int64_t>(size_of(x.dtype())); }

bool is_half(const Tensor& x) { return size_of(x.dtype()) == 2; }

// Whether a product that adds bias and residual leaves nothing to do.
bool is_sum(const Epilogue& e) { return e.act == Act::none && !e.per_image; }

// Where the bare product goes that `e` is applied to: the residual must not be lost.
Tensor product_for(const Tensor& y, const Epilogue& e) { return e.residual.same_memory(y) ? y.like(y.shape()) : y; }

}  // namespace

void Products::linear(Tensor& y, const Tensor& x, const Packed& w, const Epilogue& e) {
  const auto& weight = static_cast<const CudaWeight&>(*w.data);
  const Tensor matrix = weights_.on_card(y.backend(), weight);
  const int64_t in = x.dim(-1), out = y.dim(-1), rows = out ? y.numel() / out : 0;
  const bool sum = is_sum(e);
  Tensor product = sum ? y : product_for(y, e);
  matmul_.run({.in = x.dtype(), .out = y.dtype(), .rows = rows, .columns = out, .depth = in, .a = {x.data(), in}, .b = {matrix.data(), in},
               .y = {product.data(), out}, .bias = weight.bias ? weight.bias.data() : nullptr, .residual = sum && e.residual ? e.residual.data() : nullptr});
  if (!sum) finish_product(device_.stream(), y, {product, {}, e});
}

void Products::conv2d(Tensor& y, const Tensor& x, const Packed& w, const Conv2dParams& p, const Epilogue& e) {
  const bool padded = p.pad_top || p.pad_left || p.pad_bottom || p.pad_right;
  if (w.kernel_h == 1 && w.kernel_w == 1 && p.stride == 1 && !padded) return linear(y, x, w, e);
  const auto& weight = static_cast<const CudaWeight&>(*w.data);
  const Tensor matrix = weights_.on_card(y.backend(), weight);
  if (is_half(x)) {
    Tensor product = product_for(y, e);
    if (cudnn_.conv2d(product, x, matrix, p)) return finish_product(device_.stream(), y, {product, weight.bias, e});
  }
  conv2d_by_matmul(y, x, {matrix, weight.bias}, p, e);
}

void Products::conv2d_by_matmul(Tensor& y, const Tensor& x, const Kernel& kernel, const Conv2dParams& p, const Epilogue& e) {
  const auto [matrix, bias] = kernel;
  const int64_t out = matrix.dim(0), depth = matrix.numel() / out, pixels = y.numel() / out;
  const int64_t part = std::clamp<int64_t>(part_bytes_ / (depth * static_cast<int64_t>(size_of(x.dtype()))), 1, std::max<int64_t>(pixels, 1));
  const bool sum = is_sum(e);
  Tensor product = sum ? y : product_for(y, e);
  Tensor columns = x.like({part, depth});
  for (int64_t first = 0; first < pixels; first += part) {
    Tensor now = columns.rows(0, std::min(part, pixels - first));
    gather_windows(device_.stream(), now, x, {static_cast<int>(matrix.dim(1)), static_cast<int>(matrix.dim(2)), p, y.dim(1), y.dim(2), first});
    matmul_.run({.in = x.dtype(), .out = y.dtype(), .rows = now.dim(0), .columns = out, .depth = depth, .a = {now.data(), depth}, .b = {matrix.data(), depth},
                 .y = {element(product, first * out), out}, .bias = bias ? bias.data() : nullptr,
                 .residual = sum && e.residual ? element(e.residual, first * out) : nullptr});
  }
  if (!sum) finish_product(device_.stream(), y, {product, {}, e});
}

void Products::attention(Tensor& y, const AttentionInput& in) {
  if (is_half(y) && cudnn_.attention(y, in)) return;
  attention_by_matmul(y, in);
}

void Products::attention_by_matmul(Tensor& y, const AttentionInput& in) {
  const int64_t queries = in.q.dim(1), keys = in.k.dim(1), channels = in.q.dim(2), width = channels / in.heads, heads = in.heads;
  const int64_t part = std::clamp<int64_t>(part_bytes_ / std::max<int64_t>(heads * keys * 4, 1), 1, std::max<int64_t>(queries, 1));
  const float scale = 1 / std::sqrt(static_cast<float>(width));
  for (int64_t n = 0; n < in.q.dim(0); ++n)
    for (int64_t first = 0; first < queries; first += part) {
      const int64_t rows = std::min(part, queries - first), at = (n * queries + first) * channels, context = n * keys * channels;
      Tensor scores(y.backend(), {heads, rows, keys}, DType::f32);
      Tensor weights = y.dtype() == DType::f32 ? scores : y.like({heads, rows, keys});
      matmul_.run({.in = y.dtype(), .out = DType::f32, .rows = rows, .columns = keys, .depth = width, .count = heads, .a = {element(in.q, at), channels, width},
                   .b = {element(in.k, context), channels, width}, .y = {scores.data(), keys, rows * keys}, .scale = scale});
      softmax(device_.stream(), weights, scores, {in.causal, first});
      matmul_.run({.in = y.dtype(), .out = y.dtype(), .rows = rows, .columns = width, .depth = keys, .count = heads, .a = {weights.data(), keys, rows * keys},
                   .b = {element(in.v, context), channels, width}, .y = {element(y, at), channels, width}, .transposed = false});
    }
}

}  // namespace imagent::cuda
