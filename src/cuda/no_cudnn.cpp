// In place of cudnn.cpp where there is no cuDNN.
#include "cuda/cudnn.h"

namespace imagent::cuda {

struct Cudnn::State {};

Cudnn::Cudnn(Device&) {}
Cudnn::~Cudnn() = default;
bool Cudnn::conv2d(Tensor&, const Convolution&) { return false; }
bool Cudnn::attention(Tensor&, const AttentionInput&) { return false; }

}  // namespace imagent::cuda
