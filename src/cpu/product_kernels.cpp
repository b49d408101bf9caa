// The choice of the inner loops.
#include "cpu/product_kernels.h"

namespace imagent::cpu {

const ProductKernels* product_kernels(Isa isa, DType dtype) {
#if defined(__x86_64__)
  if (dtype == DType::bf16 && isa >= Isa::avx512bf16) return &product_kernels_avx512bf16_bf16;
  if (dtype == DType::f32 && isa >= Isa::avx512) return &product_kernels_avx512_f32;
  if (dtype == DType::f32 && isa >= Isa::avx2) return &product_kernels_avx2_f32;
#endif
  (void)isa;
  return dtype == DType::f32 ? &product_kernels_baseline_f32 : nullptr;
}

}  // namespace imagent::cpu
