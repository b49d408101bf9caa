// The inner loops of norms. Channels lie in the lanes of vectors.
#pragma once
#include <cstdint>

#include "tensor/backend.h"

namespace imagent::cpu {

// Per channel of `rows` rows of x [rows][channels]: mean and sum of squared differences from it.
struct MomentsArgs {
  const void* x;
  int64_t rows, channels;
  float *mean, *squares;  // [channels]
};
// y = act((x - mean) * scale + shift); y may be x.
struct NormalizeArgs {
  void* y;
  const void* x;
  int64_t rows, channels;
  const float *mean, *scale, *shift;  // [channels]
  Act act;
};
struct LayerNormArgs {
  void* y;
  const void* x;
  int64_t rows, channels;
  const float *gamma, *beta;
  float eps;
};

struct NormKernels {
  void (*moments)(const MomentsArgs&);
  void (*normalize)(const NormalizeArgs&);
  void (*layer_norm)(const LayerNormArgs&);
};

}  // namespace imagent::cpu
