// Packing weights, and bringing them back.
#include "cuda/weights.h"

#include <cstring>

#include "cuda/kernels.h"

namespace imagent::cuda {

bool EightBitWeights::hold(const Shape& weight) const {
  constexpr int64_t granule = 16, most_in = 1 << 17;
  const bool linear = weight.rank() == 2 || (weight.rank() == 4 && weight[2] * weight[3] == 1);
  return dtype && linear && weight[0] % granule == 0 && weight[1] % granule == 0 && weight[1] <= most_in && weight.numel() >= least;
}

size_t WeightStore::bytes_of(const Shape& weight, DType compute) const {
  const auto elements = static_cast<size_t>(weight.numel());
  return eight_bit_.hold(weight) ? elements + static_cast<size_t>(weight[0]) * sizeof(float) : elements * size_of(compute);
}

Tensor WeightStore::sent(Backend& backend, const HostView& view) {
  const bool direct = view.dtype == DType::f32 || view.dtype == DType::f16 || view.dtype == DType::bf16;  // others are widened on the way
  Tensor elements(backend, {view.shape.numel()}, direct ? view.dtype : DType::f32);
  const auto* from = static_cast<const char*>(view.data);
  const size_t size = size_of(elements.dtype());
  device_.staging().send(elements.data(), elements.bytes(), [&](size_t first, size_t bytes, void* piece) {
    if (direct)
      std::memcpy(piece, from + first, bytes);
    else
      widen_to_f32(view.dtype, from + first / size * size_of(view.dtype), static_cast<float*>(piece), bytes / size);
  });
  return elements;
}

Tensor WeightStore::in_order(Tensor elements, DType dtype, int64_t in, int64_t taps) {
  if (elements.dtype() == dtype && taps == 1) return elements;
  Tensor y(elements.backend(), elements.shape(), dtype);
  pack_weight(device_.stream(), y, elements, in, taps);
  return y;
}

void WeightStore::bring(Backend& backend, const CudaWeight& weight, const HostView& view) {
  const Shape& s = weight.shape;
  Tensor elements = sent(backend, view);
  if (!weight.in_eight_bits()) {
    weight.matrix = in_order(std::move(elements), weight.dtype, s[3], s[1] * s[2]).reshape(s);
    return;
  }
  if (!weight.scales) weight.scales = Tensor(backend, {s[0]}, DType::f32);
  weight.matrix = Tensor(backend, s, weight.dtype);
  quantize_rows(device_.stream(), weight.matrix, weight.scales, elements);
}

Packed WeightStore::pack(Backend& backend, const HostView& weight, const HostView& bias, DType compute) {
  const Shape& s = weight.shape;
  const bool conv = s.rank() == 4;
  const int64_t kernel_h = conv ? s[2] : 1, kernel_w = conv ? s[3] : 1;
  auto data = std::make_shared<CudaWeight>();
  data->shape = {s[0], kernel_h, kernel_w, s[1]};
  data->dtype = eight_bit_.hold(s) ? *eight_bit_.dtype : compute;
  if (bias.data) data->bias = in_order(sent(backend, bias), compute, 1, 1);
  size_t bytes = bias.data ? data->bias.bytes() : 0;
  if (swaps_ && weight.owner) {
    data->source = weight;
  } else {
    bring(backend, *data, weight);
    bytes += bytes_of(s, compute);
  }
  return {s[1], s[0], static_cast<int>(kernel_h), static_cast<int>(kernel_w), compute, bytes, data};
}

Tensor WeightStore::on_card(Backend& backend, const CudaWeight& weight) {
  if (!weight.source.data) return weight.matrix;
  use_before_ = weight.last_use;
  if (!weight.matrix) bring(backend, weight, weight.source);
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
