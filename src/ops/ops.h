// The vocabulary: everything a model may do to tensors. Each verb checks its arguments, allocates the result and calls the
// backend of its first argument. Tensors are values: an argument that is moved in may be overwritten in place.
#pragma once
#include <span>
#include <vector>

#include "tensor/backend.h"

namespace imagent {

// x [N,H,W,in] -> [N,H',W',out]: act(conv(x) + bias + per_image) + residual.
Tensor conv2d(const Tensor& x, const Packed& w, const Conv2dParams& p, Epilogue e = {});
// x [...,in] -> [...,out]: act(x w^T + bias + per_image) + residual.
Tensor linear(const Tensor& x, const Packed& w, Epilogue e = {});
// q [N,T,heads*D], k and v [N,S,heads*D] -> [N,T,heads*D].
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads, bool causal = false);

// x [N,...,C], then an activation.
Tensor group_norm(Tensor x, const NormParams& p, int groups, Act act = Act::none);
Tensor group_statistics(const Tensor& x, int groups);    // -> f32 [N,groups,2]: mean, variance
Tensor layer_norm(Tensor x, const NormParams& p);
Tensor unary(Tensor x, Act act);
Tensor geglu(const Tensor& x);                            // [...,2C] -> [...,C]: first half * gelu(second half)
Tensor axpby(float a, Tensor x, float b, Tensor z);       // a*x + b*z
Tensor operator+(Tensor x, Tensor z);
Tensor scale_pixels(Tensor x, const Tensor& scale);       // x [N,...,C] times a number a pixel, f32 [...], the same for all N
Tensor concat_channels(std::span<const Tensor> parts);    // along the last axis
Tensor concat_rows(std::span<const Tensor> parts);        // along the first axis
Tensor upsample_nearest(const Tensor& x, int64_t height, int64_t width);
Tensor wrap(const Tensor& x, const Border& border);       // [N,H,W,C], continued by its own other side
Tensor embed(Backend& backend, std::span<const int32_t> ids, const Packed& table, Shape shape);  // one row an id; result [...,C]
Tensor cast(Tensor x, DType dtype);                       // x itself when it has that dtype

// Host data in, host data out.
Tensor upload(Backend& backend, Shape shape, std::span<const float> values);  // f32
std::vector<float> download(const Tensor& x);                                 // any float dtype, widened

}  // namespace imagent
