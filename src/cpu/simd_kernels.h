// The own SIMD kernels as tables of functions, one table an instruction set.
#pragma once
#include "cpu/attention_kernels.h"
#include "cpu/isa.h"
#include "tensor/dtype.h"

namespace imagent::cpu {

struct SimdKernels {
  AttentionKernels attention_f32, attention_bf16;

  const AttentionKernels& attention(DType dtype) const { return dtype == DType::bf16 ? attention_bf16 : attention_f32; }
};

// Those of active_isa().
const SimdKernels& simd_kernels();

// What the files kernels.ISA.cpp define.
extern const SimdKernels simd_kernels_baseline, simd_kernels_avx2, simd_kernels_avx512, simd_kernels_avx512bf16;

}  // namespace imagent::cpu
