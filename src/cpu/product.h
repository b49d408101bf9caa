// Products of tensors with packed weights by the own inner loops: linear, direct convolution, Winograd convolution.
#pragma once
#include "cpu/parallel.h"
#include "cpu/product_weight.h"
#include "tensor/backend.h"

namespace imagent::cpu {

// The verbs of tensor/backend.h for weights made by pack_product.
void product_linear(ThreadPool& pool, Tensor& y, const Tensor& x, const ProductWeight& w, const Epilogue& e);
void product_conv2d(ThreadPool& pool, Tensor& y, const Tensor& x, const Packed& packed, const Conv2dParams& p, const Epilogue& e);

// Where results go and what is added to them: rows of `out` elements, so many rows an image.
struct ProductOutput {
  ProductOutput(Tensor& y, const Epilogue& e, const ProductWeight& w);

  // Finishes rows [begin, begin + count) of panel `panel`, all of one image; sums [count][width] at every sums_stride.
  void finish(int64_t panel, int64_t begin, int64_t count, const float* sums, int64_t sums_stride) const;

  const ProductWeight& w;
  int64_t rows = 0, rows_per_image = 1;

 private:
  char* y_;
  const char *residual_, *per_image_;
  Act act_;
};

// For convolutions in winograd form; see winograd.cpp.
void winograd_conv2d(ThreadPool& pool, Tensor& y, const Tensor& x, const ProductWeight& w, const Conv2dParams& p, const Epilogue& e);

}  // namespace imagent::cpu
