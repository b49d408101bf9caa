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
  if (weight.in_eight_bits()) return linear_in_eight_bits(y, x, {matrix, weight.scales, weight.bias}, e);
  const int64_t in = x.dim(-1), out = y.dim(-1), rows = out ? y.numel() / out : 0;
  const bool sum = is_sum(e);
  Tensor product = sum ? y : product_for(y, e);
  matmul_.run({.in = x.dtype(), .out = y.dtype(), .rows = rows, .columns = out, .depth = in, .a = {x.data(), in}, .b = {matrix.data(), in},
               .y = {product.data(), out}, .bias = weight.bias ? weight.bias.data() : nullptr, .residual = sum && e.residual ? e.residual.data() : nullptr});
  if (!sum) finish_product(device_.stream(), y, {product, {}, e});
}

// Sums of e4m3 are stored as bf16, whose rounding is far finer than theirs was, in half the bytes of f32. Rows that fill up a part's
// granule hold anything, and nobody reads their sums.
void Products::linear_in_eight_bits(Tensor& y, const Tensor& x, const EightBitKernel& kernel, const Epilogue& e) {
  const auto [matrix, column_scales, bias] = kernel;
  const int64_t in = x.dim(-1), out = y.dim(-1), rows = x.numel() / in;
  if (rows == 0) return;
  const DType sum = matrix.dtype() == DType::i8 ? DType::i32 : DType::bf16;
  const auto granules = [](int64_t count) { return (count + row_granule - 1) / row_granule * row_granule; };
  const int64_t fit = part_bytes_ / (in + out * static_cast<int64_t>(size_of(sum))) / row_granule * row_granule;
  const int64_t part = std::min(std::max(fit, row_granule), granules(rows));
  Tensor numbers(y.backend(), {part, in}, matrix.dtype()), scales(y.backend(), {part}, DType::f32), sums(y.backend(), {part, out}, sum);
  const Tensor tokens = x.reshape({rows, in});
  for (int64_t first = 0; first < rows; first += part) {
    const int64_t count = std::min(part, rows - first);
    quantize_rows(device_.stream(), numbers, scales, tokens.rows(first, first + count));
    matmul_.run({.in = matrix.dtype(), .out = sum, .rows = granules(count), .columns = out, .depth = in, .a = {numbers.data(), in}, .b = {matrix.data(), in},
                 .y = {sums.data(), out}});
    finish_product(device_.stream(), y, {sums.rows(0, count), bias, e, scales, column_scales, first});
  }
}

void Products::conv2d(Tensor& y, const Tensor& x, const Packed& w, const Conv2dParams& p, const Epilogue& e) {
  const bool padded = p.pad_top || p.pad_left || p.pad_bottom || p.pad_right;
  if (w.kernel_h == 1 && w.kernel_w == 1 && p.stride == 1 && !padded) return linear(y, x, w, e);
  const auto& weight = static_cast<const CudaWeight&>(*w.data);
  if (weight.in_eight_bits()) {  // a kernel of one pixel that leaves pixels out: those that it sees are tokens
    Tensor seen = x.like({y.numel() / w.out, w.in});
    gather_windows(device_.stream(), seen, x, {1, 1, p, y.dim(1), y.dim(2), 0});
    return linear(y, seen, w, e);
  }
  const Tensor matrix = weights_.on_card(y.backend(), weight);
  const Convolution convolution{x, matrix, weight.bias, p, e};
  if (!is_half(x) || !conv2d_by_cudnn(y, convolution)) conv2d_by_matmul(y, convolution);
}

bool Products::conv2d_by_cudnn(Tensor& y, const Convolution& c) {
  // cuDNN does not promise that it may write what it reads: where the residual's memory would be y's, y gets its own after all.
  Tensor product = product_for(y, c.epilogue);
  if (cudnn_.conv2d(product, c)) {
    y = product;
    return true;
  }
  if (!cudnn_.conv2d(product, {c.x, c.weight, {}, c.params, {}})) return false;
  finish_product(device_.stream(), y, {product, c.bias, c.epilogue});
  return true;
}

void Products::conv2d_by_matmul(Tensor& y, const Convolution& c) {
  const auto& [x, matrix, bias, p, e] = c;
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
