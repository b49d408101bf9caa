// The choice of the own SIMD kernels.
#include "cpu/simd_kernels.h"

namespace imagent::cpu {

const SimdKernels& simd_kernels() {
  switch (active_isa()) {
    case Isa::avx512bf16: return simd_kernels_avx512bf16;
    case Isa::avx512: return simd_kernels_avx512;
    case Isa::avx2: return simd_kernels_avx2;
    case Isa::baseline: break;
  }
  return simd_kernels_baseline;
}

}  // namespace imagent::cpu
