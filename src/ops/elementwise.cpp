// Verbs that look at one element, or move elements.
#include "ops/op_scope.h"
#include "ops/ops.h"

namespace imagent {

Tensor unary(Tensor x, Act act) {
  Tensor y = x.sole_owner() ? x : x.like(x.shape());
  OpScope scope(x.backend(), "unary", 0, [&] { return str(x.shape()); });
  x.backend().unary(y, x, act);
  return y;
}

Tensor geglu(const Tensor& x) {
  check(x.rank() >= 1 && x.dim(-1) % 2 == 0, "geglu: ", x.shape(), " has no two halves");
  Shape shape = x.shape();
  shape[-1] /= 2;
  Tensor y = x.like(shape);
  OpScope scope(x.backend(), "geglu", 0, [&] { return str(x.shape()); });
  x.backend().geglu(y, x);
  return y;
}

Tensor axpby(float a, Tensor x, float b, Tensor z) {
  check(x.shape() == z.shape() && x.dtype() == z.dtype(), "axpby: ", x.shape(), " and ", z.shape(), " differ");
  Tensor y = x.sole_owner() ? x : z.sole_owner() ? z : x.like(x.shape());
  OpScope scope(x.backend(), "axpby", 0, [&] { return str(x.shape()); });
  x.backend().axpby(y, a, x, b, z);
  return y;
}

Tensor operator+(Tensor x, Tensor z) { return axpby(1, std::move(x), 1, std::move(z)); }

Tensor scale_pixels(Tensor x, const Tensor& scale) {
  check(x.rank() >= 2 && scale.dtype() == DType::f32 && scale.numel() * x.dim(0) * x.dim(-1) == x.numel(), "scale_pixels: ", scale.shape(), " is not one number for each pixel of ", x.shape());
  Tensor y = x.sole_owner() ? x : x.like(x.shape());
  OpScope scope(x.backend(), "scale_pixels", 0, [&] { return str(x.shape()); });
  x.backend().scale_pixels(y, x, scale);
  return y;
}

Tensor concat_channels(std::span<const Tensor> parts) {
  check(!parts.empty(), "concat_channels: nothing to join");
  Shape shape = parts[0].shape();
  shape[-1] = 0;
  for (const Tensor& part : parts) {
    check(part.rank() == shape.rank() && part.dtype() == parts[0].dtype(), "concat_channels: ", parts[0].shape(), " and ", part.shape(), " differ");
    for (int axis = 0; axis + 1 < shape.rank(); ++axis)
      check(part.dim(axis) == shape[axis], "concat_channels: ", parts[0].shape(), " and ", part.shape(), " differ");
    shape[-1] += part.dim(-1);
  }
  Tensor y = parts[0].like(shape);
  OpScope scope(y.backend(), "concat_channels", 0, [&] { return str(shape); });
  y.backend().concat_channels(y, parts);
  return y;
}

Tensor concat_rows(std::span<const Tensor> parts) {
  check(!parts.empty(), "concat_rows: nothing to join");
  Shape shape = parts[0].shape();
  shape[0] = 0;
  std::vector<Tensor> flat;  // joining the first axis of dense tensors is joining the channels of one row
  for (const Tensor& part : parts) {
    Shape rest = part.shape();
    rest[0] = 0;
    Shape wanted = shape;
    wanted[0] = 0;
    check(rest == wanted, "concat_rows: ", parts[0].shape(), " and ", part.shape(), " differ");
    flat.push_back(part.reshape({1, part.numel()}));
    shape[0] += part.dim(0);
  }
  return concat_channels(flat).reshape(shape);
}

Tensor upsample_nearest(const Tensor& x, int64_t height, int64_t width) {
  check(x.rank() == 4 && height > 0 && width > 0, "upsample_nearest: ", x.shape(), " to ", height, "x", width);
  Tensor y = x.like({x.dim(0), height, width, x.dim(3)});
  OpScope scope(x.backend(), "upsample_nearest", 0, [&] { return str(x.shape()); });
  x.backend().upsample_nearest(y, x);
  return y;
}

Tensor wrap(const Tensor& x, const Border& b) {
  check(x.rank() == 4 && x.dim(1) > 0 && x.dim(2) > 0 && b.top >= 0 && b.left >= 0 && b.bottom >= 0 && b.right >= 0, "wrap: ", x.shape());
  Tensor y = x.like({x.dim(0), x.dim(1) + b.top + b.bottom, x.dim(2) + b.left + b.right, x.dim(3)});
  OpScope scope(x.backend(), "wrap", 0, [&] { return str(x.shape()); });
  x.backend().wrap(y, x, b);
  return y;
}

Tensor embed(Backend& backend, std::span<const int32_t> ids, const Packed& table, Shape shape) {
  check(shape.rank() > 0 && shape[-1] == table.out && shape.numel() == static_cast<int64_t>(ids.size()) * table.out, "embed: ", ids.size(),
        " ids of ", table.out, " channels do not fill ", shape);
  for (const int32_t id : ids)
    check(id >= 0 && id < table.in, ErrorKind::model, "token id ", id, " is outside the embedding table of ", table.in, " entries");
  Tensor y(backend, shape, table.dtype);
  OpScope scope(backend, "embed", 0, [&] { return str(shape); });
  Tensor rows = y.reshape({static_cast<int64_t>(ids.size()), table.out});
  backend.embed(rows, ids, table);
  return y;
}

Tensor cast(Tensor x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y(x.backend(), x.shape(), dtype);
  OpScope scope(x.backend(), "cast", 0, [&] { return str(x.shape()); });
  x.backend().cast(y, x);
  return y;
}

Tensor upload(Backend& backend, Shape shape, std::span<const float> values) {
  check(static_cast<int64_t>(values.size()) == shape.numel(), "upload: ", values.size(), " values do not fill ", shape);
  Tensor y(backend, shape, DType::f32);
  if (!values.empty()) backend.upload(y, values.data());
  return y;
}

std::vector<float> download(const Tensor& x) {
  const Tensor wide = cast(x, DType::f32);
  std::vector<float> values(static_cast<size_t>(wide.numel()));
  if (!values.empty()) wide.backend().download(wide, values.data());
  return values;
}

}  // namespace imagent
