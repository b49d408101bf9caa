// What kernels are made of: element types, groups of neighbouring elements, activations, launching.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "cuda/runtime.h"
#include "tensor/backend.h"

namespace imagent::cuda {

__device__ inline float widened(float x) { return x; }
__device__ inline float widened(int32_t x) { return static_cast<float>(x); }
__device__ inline float widened(__half x) { return __half2float(x); }
__device__ inline float widened(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline void narrow(float& to, float x) { to = x; }
__device__ inline void narrow(__half& to, float x) { to = __float2half_rn(x); }
__device__ inline void narrow(__nv_bfloat16& to, float x) { to = __float2bfloat16_rn(x); }

// N elements that are read and written at once.
template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
  T values[N];
};

// The unit-th group of N elements.
template <int N, class T>
__device__ void load(const T* from, int64_t unit, float (&to)[N]) {
  const Pack<T, N> pack = reinterpret_cast<const Pack<T, N>*>(from)[unit];
  for (int j = 0; j < N; ++j) to[j] = widened(pack.values[j]);
}
template <int N, class T>
__device__ void store(T* to, int64_t unit, const float (&from)[N]) {
  Pack<T, N> pack;
  for (int j = 0; j < N; ++j) narrow(pack.values[j], from[j]);
  reinterpret_cast<Pack<T, N>*>(to)[unit] = pack;
}

__device__ inline float activated(Act act, float x) {
  switch (act) {
    case Act::none: return x;
    case Act::silu: return x / (1 + expf(-x));
    case Act::gelu: return 0.5f * x * (1 + erff(x * 0.70710678f));
    case Act::gelu_tanh: return 0.5f * x * (1 + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
    case Act::quick_gelu: return x / (1 + expf(-1.702f * x));
    case Act::relu: return fmaxf(x, 0);
    case Act::leaky_relu: return x < 0 ? 0.2f * x : x;
    case Act::tanh: return tanhf(x);
  }
  return x;
}

// Eight neighbours at once, where rows of `row` elements and all tensors allow for it.
constexpr int wide = 8;
inline bool is_wide(int64_t row, std::initializer_list<Tensor> tensors) {
  return row % wide == 0 && std::all_of(tensors.begin(), tensors.end(), [](const Tensor& x) {
           return !x || reinterpret_cast<uintptr_t>(x.data()) % (wide * size_of(x.dtype())) == 0;
         });
}

// Calls call(T{}) with the type of a dtype's elements.
template <class Call>
void with_type(DType dtype, Call&& call) {
  switch (dtype) {
    case DType::f32: return call(float{});
    case DType::f16: return call(__half{});
    case DType::bf16: return call(__nv_bfloat16{});
    default: fail(ErrorKind::internal, "cuda: no kernels for ", name_of(dtype));
  }
}

constexpr int block_size = 256;

template <class... Parameters, class... Arguments>
void launch(cudaStream_t stream, dim3 grid, void (*kernel)(Parameters...), Arguments&&... arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = dim3(block_size);
  config.stream = stream;
  check_cuda(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), "starting a kernel");
}

// y[i] = f(i) for N elements at a time: all verbs whose results do not depend on each other.
template <int N, class T, class Function>
__global__ void map_kernel(T* y, int64_t units, Function f) {
  const int64_t unit = static_cast<int64_t>(blockIdx.x) * block_size + threadIdx.x;
  if (unit >= units) return;
  float values[N];
  f.at(unit, values);
  store(y, unit, values);
}

template <int N, class T, class Function>
void launch_map(cudaStream_t stream, T* y, int64_t count, const Function& f) {
  const int64_t units = count / N;
  if (units > 0) launch(stream, dim3(static_cast<unsigned>((units + block_size - 1) / block_size)), &map_kernel<N, T, Function>, y, units, f);
}

template <class Function>
void map(cudaStream_t stream, Tensor& y, bool by_eight, const Function& f) {
  with_type(y.dtype(), [&](auto element) {
    auto* to = static_cast<decltype(element)*>(y.data());
    if (by_eight)
      launch_map<wide>(stream, to, y.numel(), f);
    else
      launch_map<1>(stream, to, y.numel(), f);
  });
}

}  // namespace imagent::cuda
