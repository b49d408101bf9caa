// The inner loops of elementwise verbs.
#pragma once
#include <cstdint>

#include "tensor/backend.h"

namespace imagent::cpu {

struct AxpbyArgs {
  void* y;
  float a;
  const void* x;
  float b;
  const void* z;
  int64_t count;
};

struct ElementwiseKernels {
  void (*unary)(void* y, const void* x, int64_t count, Act act);
  void (*geglu)(void* y, const void* x, int64_t rows, int64_t width);  // x [rows][2 width] -> y [rows][width]
  void (*axpby)(const AxpbyArgs& args);
  void (*to_f32)(float* y, const void* x, int64_t count);
  void (*from_f32)(void* y, const float* x, int64_t count);
};

}  // namespace imagent::cpu
