// The choice of the own SIMD kernels.
#include "cpu/simd_kernels.h"

#include "base/error.h"

namespace imagent::cpu {

static const SimdKernels& f32_kernels() {
  if (active_isa() >= Isa::avx512) return simd_kernels_avx512_f32;
  return active_isa() == Isa::avx2 ? simd_kernels_avx2_f32 : simd_kernels_baseline_f32;
}

const SimdKernels& simd_kernels(DType dtype) {
  if (dtype == DType::f32) return f32_kernels();
  check(dtype == DType::bf16, "the CPU kernels compute in f32 and bf16, not in ", name_of(dtype));
  switch (active_isa()) {
    case Isa::avx512bf16: return simd_kernels_avx512bf16_bf16;
    case Isa::avx512: return simd_kernels_avx512_bf16;
    case Isa::avx2: return simd_kernels_avx2_bf16;
    case Isa::baseline: break;
  }
  return simd_kernels_baseline_bf16;
}

}  // namespace imagent::cpu
