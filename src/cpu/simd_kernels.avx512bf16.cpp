// The own SIMD kernels for AVX-512 with BF16.
#include "cpu/attention_kernels-inl.h"
#include "cpu/simd_kernels.h"

namespace imagent::cpu {

constinit const SimdKernels simd_kernels_avx512bf16 = {
    .attention_f32 = Attention<F32Words<float>>::table(),
    .attention_bf16 = Attention<Bf16Words>::table(),
};

}  // namespace imagent::cpu
