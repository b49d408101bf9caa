// Reading views.
#include "weights/source.h"

namespace imagent {

std::vector<float> to_f32(const TensorView& view) {
  std::vector<float> out(static_cast<size_t>(view.shape.numel()));
  widen_to_f32(view.dtype, view.bytes.data(), out.data(), out.size());
  return out;
}

}  // namespace imagent
