// The own SIMD kernels for AVX-512.
#include "cpu/attention_kernels-inl.h"
#include "cpu/simd_kernels.h"

namespace imagent::cpu {

constinit const SimdKernels simd_kernels_avx512 = {
    .attention_f32 = Attention<F32Words<float>>::table(),
    .attention_bf16 = Attention<F32Words<Bf16>>::table(),
};

}  // namespace imagent::cpu
