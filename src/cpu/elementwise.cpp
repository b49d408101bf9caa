// Activations, sums, copies and conversions.
#include <algorithm>
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/simd_kernels.h"

namespace imagent::cpu {
namespace {

constexpr int64_t grain = 16384;  // elements a thread is worth waking for

int64_t element_size(const Tensor& x) { return static_cast<int64_t>(size_of(x.dtype())); }
char* element(const Tensor& x, int64_t index) { return x.as<char>() + index * element_size(x); }

}  // namespace

void unary(ThreadPool& pool, Tensor& y, const Tensor& x, Act act) {
  const ElementwiseKernels& kernels = simd_kernels(y.dtype()).elementwise;
  pool.run_ranges(y.numel(), grain, [&](int64_t begin, int64_t end, int) { kernels.unary(element(y, begin), element(x, begin), end - begin, act); });
}

void geglu(ThreadPool& pool, Tensor& y, const Tensor& x) {
  if (y.numel() == 0) return;
  const ElementwiseKernels& kernels = simd_kernels(y.dtype()).elementwise;
  const int64_t width = y.dim(-1);
  pool.run_ranges(y.numel() / width, 1 + grain / width, [&](int64_t begin, int64_t end, int) {
    kernels.geglu(element(y, begin * width), element(x, begin * 2 * width), end - begin, width);
  });
}

void axpby(ThreadPool& pool, Tensor& y, const WeightedSum& sum) {
  const ElementwiseKernels& kernels = simd_kernels(y.dtype()).elementwise;
  pool.run_ranges(y.numel(), grain, [&](int64_t begin, int64_t end, int) {
    kernels.axpby({.y = element(y, begin), .a = sum.a, .x = element(sum.x, begin), .b = sum.b, .z = element(sum.z, begin), .count = end - begin});
  });
}

void scale_pixels(ThreadPool& pool, Tensor& y, const Tensor& x, const Tensor& scale) {
  if (y.numel() == 0) return;
  const ElementwiseKernels& kernels = simd_kernels(y.dtype()).elementwise;
  const int64_t width = y.dim(-1), pixels = scale.numel();
  pool.run_ranges(y.numel() / width, 1 + grain / width, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const char* from = element(x, row * width);
      kernels.axpby({.y = element(y, row * width), .a = scale.as<float>()[row % pixels], .x = from, .b = 0, .z = from, .count = width});
    }
  });
}

void concat_channels(ThreadPool& pool, Tensor& y, std::span<const Tensor> parts) {
  if (y.numel() == 0) return;
  const int64_t width = y.dim(-1);
  pool.run_ranges(y.numel() / width, 1 + grain / width, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      char* to = element(y, row * width);
      for (const Tensor& part : parts) {
        const auto bytes = static_cast<size_t>(part.dim(-1) * element_size(part));
        std::memcpy(to, element(part, row * part.dim(-1)), bytes);
        to += bytes;
      }
    }
  });
}

void upsample_nearest(ThreadPool& pool, Tensor& y, const Tensor& x) {
  if (y.numel() == 0) return;
  const int64_t height = y.dim(1), width = y.dim(2), channels = y.dim(3);
  const auto bytes = static_cast<size_t>(channels * element_size(x));
  pool.run_ranges(y.dim(0) * height, 1 + grain / (width * channels), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t from = row / height * x.dim(1) + row % height * x.dim(1) / height;
      for (int64_t j = 0; j < width; ++j)
        std::memcpy(element(y, (row * width + j) * channels), element(x, (from * x.dim(2) + j * x.dim(2) / width) * channels), bytes);
    }
  });
}

void wrap(ThreadPool& pool, Tensor& y, const Tensor& x, const Border& border) {
  if (y.numel() == 0) return;
  const int64_t height = y.dim(1), width = y.dim(2), channels = y.dim(3), in_height = x.dim(1), in_width = x.dim(2);
  const auto bytes = static_cast<size_t>(channels * element_size(x));
  const auto from_other_side = [](int64_t at, int64_t n) { return (at % n + n) % n; };
  pool.run_ranges(y.dim(0) * height, 1 + grain / (width * channels), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t from = row / height * in_height + from_other_side(row % height - border.top, in_height);
      for (int64_t j = 0; j < width; ++j)
        std::memcpy(element(y, (row * width + j) * channels), element(x, (from * in_width + from_other_side(j - border.left, in_width)) * channels), bytes);
    }
  });
}

void cast(ThreadPool& pool, Tensor& y, const Tensor& x) {
  const auto has_kernels = [](DType dtype) { return dtype == DType::f32 || dtype == DType::bf16; };
  pool.run_ranges(y.numel(), grain, [&](int64_t begin, int64_t end, int) {
    constexpr int64_t block = 1024;
    float values[block];
    for (int64_t i = begin; i < end; i += block) {
      const int64_t count = std::min(block, end - i);
      if (has_kernels(x.dtype()))
        simd_kernels(x.dtype()).elementwise.to_f32(values, element(x, i), count);
      else
        widen_to_f32(x.dtype(), element(x, i), values, static_cast<size_t>(count));
      if (has_kernels(y.dtype()))
        simd_kernels(y.dtype()).elementwise.from_f32(element(y, i), values, count);
      else
        narrow_from_f32(y.dtype(), values, element(y, i), static_cast<size_t>(count));
    }
  });
}

}  // namespace imagent::cpu
