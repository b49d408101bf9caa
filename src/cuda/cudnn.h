// What cuDNN computes: convolutions and attention in f16 and bf16, by plans that are made once a shape.
#pragma once
#include <memory>

#include "cuda/device.h"
#include "tensor/backend.h"

namespace imagent::cuda {

// act(x * weight [out,kh,kw,in] + bias + per_image) + residual; bias [out] or empty.
struct Convolution {
  const Tensor &x, &weight, &bias;
  const Conv2dParams& params;
  const Epilogue& epilogue;
};

struct AttentionInput {
  const Tensor &q, &k, &v;
  int heads;
  bool causal;
};

// Without cuDNN (no_cudnn.cpp) it computes nothing.
class Cudnn {
 public:
  explicit Cudnn(Device& device);
  ~Cudnn();

  // false: there is no plan for these shapes and this epilogue, and nothing was done. y shares no memory with what is read.
  bool conv2d(Tensor& y, const Convolution& c);
  bool attention(Tensor& y, const AttentionInput& in);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imagent::cuda
