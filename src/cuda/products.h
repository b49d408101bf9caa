// conv2d, linear and attention: who computes them, and what is left to do after.
#pragma once
#include "cuda/cudnn.h"
#include "cuda/matmul.h"
#include "cuda/weights.h"

namespace imagent::cuda {

class Products {
 public:
  // Windows and scores are held in parts of up to `part_bytes`.
  Products(Device& device, WeightStore& weights, int64_t part_bytes)
      : device_(device), weights_(weights), part_bytes_(part_bytes), matmul_(device), cudnn_(device) {}

  void linear(Tensor& y, const Tensor& x, const Packed& w, const Epilogue& e);
  void conv2d(Tensor& y, const Tensor& x, const Packed& w, const Conv2dParams& p, const Epilogue& e);
  void attention(Tensor& y, const AttentionInput& in);

 private:
  // By matrix products: of gathered windows with the weights, of queries with keys.
  struct Kernel {
    const Tensor &matrix, &bias;  // [out,kh,kw,in]; [out] or empty
  };
  void conv2d_by_matmul(Tensor& y, const Tensor& x, const Kernel& kernel, const Conv2dParams& p, const Epilogue& e);
  void attention_by_matmul(Tensor& y, const AttentionInput& in);

  Device& device_;
  WeightStore& weights_;
  const int64_t part_bytes_;
  Matmul matmul_;
  Cudnn cudnn_;
};

}  // namespace imagent::cuda
