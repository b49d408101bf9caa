// The own SIMD kernels for AVX-512 with BF16.
#include "cpu/attention_kernels-inl.h"
#include "cpu/norm_kernels-inl.h"
#include "cpu/simd_kernels.h"

namespace imagent::cpu {

constinit const SimdKernels simd_kernels_avx512bf16_bf16 = {Attention<Bf16Words>::table(), Norm<Bf16>::table(), Elementwise<Bf16>::table()};

}  // namespace imagent::cpu
