// The own kernels. Tensors are checked and allocated as in tensor/backend.h; everything is queued on the stream.
#pragma once
#include <cuda_runtime.h>

#include <span>

#include "tensor/backend.h"

namespace imagent::cuda {

void unary(cudaStream_t stream, Tensor& y, const Tensor& x, Act act);
void geglu(cudaStream_t stream, Tensor& y, const Tensor& x);
void axpby(cudaStream_t stream, Tensor& y, float a, const Tensor& x, float b, const Tensor& z);
void scale_pixels(cudaStream_t stream, Tensor& y, const Tensor& x, const Tensor& scale);
void cast(cudaStream_t stream, Tensor& y, const Tensor& x);

// y = act(product + bias + per_image) + residual; bias [C] of y's dtype or empty. y may be the product, or the residual.
struct Unfinished {
  const Tensor &product, &bias;
  const Epilogue& epilogue;
  // Of 8-bit numbers (product i32 or bf16): what its rows and its columns are to be multiplied with, f32; or empty.
  Tensor row_scales = {}, column_scales = {};
  int64_t first = 0;  // row of y where the product's first one belongs; it may be a part of all
};
void finish_product(cudaStream_t stream, Tensor& y, const Unfinished& u);

// Rows of x -> y [rows,width] i8 or f8_e4m3 and scales f32 [rows]: number times scale, the largest magnitude of a row being the
// type's largest number. The scale of a row of zeros is 0, that of one with infinities or worse is not a number. Widths are
// multiples of 8.
void quantize_rows(cudaStream_t stream, Tensor& y, Tensor& scales, const Tensor& x);

void concat_channels(cudaStream_t stream, Tensor& y, std::span<const Tensor> parts);
void upsample_nearest(cudaStream_t stream, Tensor& y, const Tensor& x);
void wrap(cudaStream_t stream, Tensor& y, const Tensor& x, const Border& border);

// The pixels of a convolution's windows [rows, kh*kw*C] for output pixels first, first + 1, ... of the batch; zeros beyond
// the picture.
struct Windows {
  int kernel_h, kernel_w;
  Conv2dParams params;
  int64_t out_height, out_width, first;
};
void gather_windows(cudaStream_t stream, Tensor& columns, const Tensor& x, const Windows& windows);

// weight [out,in,kh*kw] of any of f32, f16, bf16 -> y [out,kh*kw,in].
void pack_weight(cudaStream_t stream, Tensor& y, const Tensor& weight, int64_t in, int64_t taps);

void group_statistics(cudaStream_t stream, Tensor& y, const Tensor& x, int groups, Tensor& partial);
// f32 values of `partial` for such an x.
int64_t partial_statistics(const Tensor& x, int groups);
// With mean and variance for each image and group [N,groups,2], or for all images [groups,2].
struct GroupNormInput {
  const Tensor &x, &statistics;
  const NormParams& params;
  int groups;
  Act act;
};
void normalize_groups(cudaStream_t stream, Tensor& y, const GroupNormInput& in);
void layer_norm(cudaStream_t stream, Tensor& y, const Tensor& x, const NormParams& p);

// scores f32 [products, queries, keys] -> y of that shape, softmax over the keys; y may be scores. With a causal mask
// query first + i sees keys up to its own.
struct Mask {
  bool causal = false;
  int64_t first = 0;
};
void softmax(cudaStream_t stream, Tensor& y, const Tensor& scores, const Mask& mask);

}  // namespace imagent::cuda
