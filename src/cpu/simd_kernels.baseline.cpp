// The own SIMD kernels for every x86-64-v2 processor.
#include "cpu/attention_kernels-inl.h"
#include "cpu/norm_kernels-inl.h"
#include "cpu/simd_kernels.h"

namespace imagent::cpu {

constinit const SimdKernels simd_kernels_baseline_f32 = {Attention<F32Words<float>>::table(), Norm<float>::table(), Elementwise<float>::table()};
constinit const SimdKernels simd_kernels_baseline_bf16 = {Attention<F32Words<Bf16>>::table(), Norm<Bf16>::table(), Elementwise<Bf16>::table()};

}  // namespace imagent::cpu
