// The own SIMD kernels as tables of functions, one table an instruction set.
#pragma once
#include "cpu/attention_kernels.h"
#include "cpu/elementwise_kernels.h"
#include "cpu/isa.h"
#include "cpu/norm_kernels.h"
#include "tensor/dtype.h"

namespace imagent::cpu {

struct SimdKernels {  // for tensors of one dtype
  AttentionKernels attention;
  NormKernels norm;
  ElementwiseKernels elementwise;
};

// Those of active_isa() for f32 or bf16. Errors: internal, for another dtype.
const SimdKernels& simd_kernels(DType dtype);

// What the files simd_kernels.ISA.cpp define.
extern const SimdKernels simd_kernels_baseline_f32, simd_kernels_avx2_f32, simd_kernels_avx512_f32;
extern const SimdKernels simd_kernels_baseline_bf16, simd_kernels_avx2_bf16, simd_kernels_avx512_bf16, simd_kernels_avx512bf16_bf16;

}  // namespace imagent::cpu
