// Reading views.
#include "weights/source.h"

namespace imagent {

std::vector<float> to_f32(const TensorView& view) {
  std::vector<float> out(static_cast<size_t>(view.shape.numel()));
  widen_to_f32(view.dtype, view.bytes.data(), out.data(), out.size());
  return out;
}

std::optional<TensorInfo> Source::info(const std::string& name) const {
  const auto view = find(name);
  return view ? std::optional(TensorInfo{std::string(name_of(view->dtype)), view->shape}) : std::nullopt;
}

}  // namespace imagent
