// Tensors and layouts in tests.
#include "support/devices.h"

namespace imagent::test {

Array to_channels_last(const Array& planar) {
  const int64_t n = planar.shape[0], c = planar.shape[1], pixels = planar.shape.numel() / n / c;
  Shape shape = planar.shape;
  for (int axis = 1; axis + 1 < shape.rank(); ++axis) shape[axis] = planar.shape[axis + 1];
  shape[-1] = c;
  Array out{shape, std::vector<float>(planar.values.size())};
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < c; ++j)
      for (int64_t p = 0; p < pixels; ++p) out.values[(i * pixels + p) * c + j] = planar.values[(i * c + j) * pixels + p];
  return out;
}

std::vector<float> to_planar(const Tensor& x) {
  const std::vector<float> values = download(x);
  const int64_t n = x.dim(0), c = x.dim(-1), pixels = x.numel() / n / c;
  std::vector<float> out(values.size());
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < c; ++j)
      for (int64_t p = 0; p < pixels; ++p) out[(i * c + j) * pixels + p] = values[(i * pixels + p) * c + j];
  return out;
}

Tensor upload(Backend& backend, const Array& array, DType dtype) { return cast(imagent::upload(backend, array.shape, array.values), dtype); }

HostView host_view(const Array& array) {
  const auto owner = std::make_shared<Array>(array);
  return {DType::f32, owner->shape, owner->values.data(), owner};
}

NormParams norm_params(Backend& backend, const Array& gamma, const Array& beta, float eps) {
  return {upload(backend, gamma), upload(backend, beta), eps};
}

}  // namespace imagent::test
