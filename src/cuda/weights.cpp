// Packing weights, and bringing them back.
#include "cuda/weights.h"

#include <cstring>

#include "cuda/kernels.h"

namespace imagent::cuda {

Tensor WeightStore::sent(Backend& backend, const HostView& view, DType dtype, int64_t taps) {
  const int64_t count = view.shape.numel();
  const bool direct = view.dtype == DType::f32 || view.dtype == DType::f16 || view.dtype == DType::bf16;  // others are widened on the way
  Tensor y(backend, {count}, dtype);
  const bool as_is = view.dtype == dtype && taps == 1;
  Tensor raw = as_is ? y : Tensor(backend, {count}, direct ? view.dtype : DType::f32);
  const auto* from = static_cast<const char*>(view.data);
  const size_t size = size_of(raw.dtype());
  device_.staging().send(raw.data(), raw.bytes(), [&](size_t first, size_t bytes, void* piece) {
    if (direct)
      std::memcpy(piece, from + first, bytes);
    else
      widen_to_f32(view.dtype, from + first / size * size_of(view.dtype), static_cast<float*>(piece), bytes / size);
  });
  if (!as_is) pack_weight(device_.stream(), y, raw, view.shape.rank() > 1 ? view.shape[1] : 1, taps);
  return y;
}

Packed WeightStore::pack(Backend& backend, const HostView& weight, const HostView& bias, DType compute) {
  const Shape& s = weight.shape;
  const bool conv = s.rank() == 4;
  const int64_t kernel_h = conv ? s[2] : 1, kernel_w = conv ? s[3] : 1;
  auto data = std::make_shared<CudaWeight>();
  data->shape = {s[0], kernel_h, kernel_w, s[1]};
  data->dtype = compute;
  if (bias.data) data->bias = sent(backend, bias, compute, 1);
  size_t bytes = bias.data ? data->bias.bytes() : 0;
  if (swaps_ && weight.owner) {
    data->source = weight;
  } else {
    data->matrix = sent(backend, weight, compute, kernel_h * kernel_w).reshape(data->shape);
    bytes += data->matrix.bytes();
  }
  return {s[1], s[0], static_cast<int>(kernel_h), static_cast<int>(kernel_w), compute, bytes, data};
}

Tensor WeightStore::on_card(Backend& backend, const CudaWeight& weight) {
  if (!weight.source.data) return weight.matrix;
  use_before_ = weight.last_use;
  if (!weight.matrix) weight.matrix = sent(backend, weight.source, weight.dtype, weight.shape[1] * weight.shape[2]).reshape(weight.shape);
  present_.erase(weight.last_use);
  weight.last_use = ++clock_;
  present_.emplace(weight.last_use, weight.weak_from_this());
  return weight.matrix;
}

// Weights are wanted in the same order again and again, step by step. So the one that was wanted last comes last again; but
// first go those of other parts, which have not been wanted since the present one was wanted before.
bool WeightStore::drop_one() {
  while (!present_.empty()) {
    const auto oldest = present_.begin();
    const auto chosen = oldest->first < use_before_ ? oldest : std::prev(present_.end());
    const auto weight = chosen->second.lock();
    present_.erase(chosen);
    if (!weight) continue;
    weight->matrix = {};
    return true;
  }
  return false;
}

size_t WeightStore::bytes_that_can_leave() const {
  size_t bytes = 0;
  for (const auto& [use, weak] : present_)
    if (const auto weight = weak.lock()) bytes += weight->matrix.bytes();
  return bytes;
}

}  // namespace imagent::cuda
