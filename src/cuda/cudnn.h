// What cuDNN computes: convolutions and attention in f16 and bf16, by plans that are made once a shape.
#pragma once
#include <memory>

#include "cuda/device.h"
#include "tensor/backend.h"

namespace imagent::cuda {

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

  // y = x * weight [out,kh,kw,in]. false: there is no plan for these shapes, and nothing was done.
  bool conv2d(Tensor& y, const Tensor& x, const Tensor& weight, const Conv2dParams& p);
  bool attention(Tensor& y, const AttentionInput& in);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imagent::cuda
