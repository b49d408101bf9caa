// bf16 on a processor.
#pragma once
#include "tensor/dtype.h"

struct __nv_bfloat16 {
  uint16_t bits = 0;
};
inline float __bfloat162float(__nv_bfloat16 x) { return imagent::bf16_to_f32(x.bits); }
inline __nv_bfloat16 __float2bfloat16_rn(float x) { return {imagent::f32_to_bf16(x)}; }
