// Tensors of any float dtype as f32 vectors: what the plain loops compute on.
#pragma once
#include <vector>

#include "tensor/backend.h"

namespace imagent {

struct ReferenceWeight : PackedData {
  std::vector<float> weight, bias;  // [out,in,kh,kw], [out] or empty; rounded to the compute dtype
};
struct ReferenceTable : PackedData {
  HostView view;
};

inline std::vector<float> rounded_to(DType dtype, std::vector<float> values) {
  if (dtype == DType::f32) return values;
  std::vector<uint16_t> narrow(values.size());
  narrow_from_f32(dtype, values.data(), narrow.data(), values.size());
  widen_to_f32(dtype, narrow.data(), values.data(), values.size());
  return values;
}
inline std::vector<float> read_values(const Tensor& x) {
  std::vector<float> values(static_cast<size_t>(x.numel()));
  widen_to_f32(x.dtype(), x.data(), values.data(), values.size());
  return values;
}
inline std::vector<float> read_values(const HostView& view, DType compute) {
  std::vector<float> values(static_cast<size_t>(view.shape.numel()));
  widen_to_f32(view.dtype, view.data, values.data(), values.size());
  return rounded_to(compute, std::move(values));
}
inline void write_values(Tensor& y, const std::vector<float>& values) { narrow_from_f32(y.dtype(), values.data(), y.data(), values.size()); }

}  // namespace imagent
