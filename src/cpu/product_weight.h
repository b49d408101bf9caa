// Weights of convolutions and linears in the order in which the own inner loops read them.
#pragma once
#include <vector>

#include "cpu/parallel.h"
#include "cpu/product_kernels.h"
#include "cpu/scratch.h"
#include "tensor/backend.h"

namespace imagent::cpu {

enum class ProductForm {
  rows,      // linear: the depth is the channels
  gathered,  // convolution of few channels: the depth is all taps and channels of one output pixel, copied together
  taps,      // convolution: one product a row of the kernel
  winograd,  // 3x3 convolution: one product a point of F(2x2,3x3)
};

struct ProductWeight : PackedData {
  const ProductKernels* kernels = nullptr;
  ProductForm form = ProductForm::rows;
  int64_t out = 0, panels = 0;
  int64_t taps = 1;    // products summed (or, winograd, side by side)
  int64_t depth = 0;   // of each, rounded up to the kernels' step
  AlignedMemory weight;      // [panels][taps][depth / step][width][step]
  std::vector<float> bias;   // [panels * width] or empty

  const char* panel(int64_t i) const { return static_cast<const char*>(weight.data()) + i * panel_elements() * element(); }
  int64_t panel_elements() const { return taps * depth * kernels->width; }
  int64_t element() const { return static_cast<int64_t>(size_of(kernels->dtype)); }
};

// The weight [out,in] or [out,in,kh,kw] in the form that is fastest for its shape: by shape and kernels alone.
Packed pack_product(ThreadPool& pool, const ProductKernels& kernels, const HostView& weight, const HostView& bias);

}  // namespace imagent::cpu
