// Half precision on a processor.
#pragma once
#include "tensor/dtype.h"

struct __half {
  uint16_t bits = 0;
};
inline float __half2float(__half x) { return imagent::f16_to_f32(x.bits); }
inline __half __float2half_rn(float x) { return {imagent::f32_to_f16(x)}; }
