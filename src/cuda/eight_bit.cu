// Rows of 8-bit numbers with a scale each, which is what 8-bit products multiply.
#include "cuda/kernels.h"
#include "cuda/warps.cuh"

#include <cfloat>

namespace imagent::cuda {
namespace {

// A format's largest number, and the code of a number up to it, rounded to nearest even.
struct Int8 {
  static constexpr float largest = 127;
  __device__ static uint8_t code(float x) { return static_cast<uint8_t>(static_cast<int>(rintf(x))); }
};
// A sign, 4 bits of exponent (bias 7), 3 of mantissa; below 2^-6 multiples of 2^-9 (OCP 8-bit Floating Point Specification).
// By bits, because cards before sm_90 run the machine code of sm_80, which has no instruction for it.
struct E4m3 {
  static constexpr float largest = 448;
  __device__ static uint8_t code(float x) {
    const auto bits = __builtin_bit_cast(uint32_t, x);
    const uint32_t sign = bits >> 24 & 0x80, magnitude = bits & 0x7fffffff;
    if (fabsf(x) < 0x1p-6f) return static_cast<uint8_t>(sign | static_cast<uint32_t>(rintf(fabsf(x) * 0x1p9f)));
    const uint32_t rounded = magnitude + 0x7ffff + (magnitude >> 20 & 1);
    return static_cast<uint8_t>(sign | ((rounded >> 20) - ((127 - 7) << 3)));
  }
};

// The larger of two magnitudes, or the one that is not a number.
__device__ float larger(float a, float b) { return a >= b || a != a ? a : b; }

// A warp a row.
template <class Format, class T>
__global__ void quantize_kernel(uint8_t* y, float* scales, const T* x, int64_t rows, int64_t width) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * warps + threadIdx.x / warp;
  if (row >= rows) return;
  const int lane = threadIdx.x % warp;
  const int64_t units = width / wide, first = row * units;
  float values[wide], largest = 0;
  for (int64_t unit = lane; unit < units; unit += warp) {
    load(x, first + unit, values);
    for (int j = 0; j < wide; ++j) largest = larger(largest, fabsf(values[j]));
  }
  largest = warp_reduced(largest, [](float a, float b) { return larger(a, b); });
  const float scale = largest / Format::largest;
  const bool finite = largest <= FLT_MAX, usable = finite && scale >= FLT_MIN;  // smaller ones are nothing beside any other number
  const float inverse = usable ? Format::largest / largest : 0;
  for (int64_t unit = lane; unit < units; unit += warp) {
    load(x, first + unit, values);
    Pack<uint8_t, wide> codes;
    for (int j = 0; j < wide; ++j) codes.values[j] = usable ? Format::code(values[j] * inverse) : 0;
    reinterpret_cast<Pack<uint8_t, wide>*>(y)[first + unit] = codes;
  }
  if (lane == 0) scales[row] = usable ? scale : finite ? 0 : NAN;
}

}  // namespace

void quantize_rows(cudaStream_t stream, Tensor& y, Tensor& scales, const Tensor& x) {
  const int64_t width = y.dim(-1), rows = x.numel() / width;
  check(is_wide(width, {x, y}), "cuda: rows of ", width, " numbers are not quantized");
  if (rows == 0) return;
  with_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    launch(stream, dim3(blocks_of_warps(rows)), y.dtype() == DType::i8 ? &quantize_kernel<Int8, T> : &quantize_kernel<E4m3, T>, static_cast<uint8_t*>(y.data()),
           static_cast<float*>(scales.data()), static_cast<const T*>(x.data()), rows, width);
  });
}

}  // namespace imagent::cuda
