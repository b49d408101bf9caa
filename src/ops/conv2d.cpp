// conv2d and linear: products with packed weights and what follows them.
#include "ops/op_scope.h"
#include "ops/ops.h"

namespace imagent {
namespace {

// The tensor to write: the residual itself when nobody else sees it.
Tensor product_output(const Tensor& x, Shape shape, const Epilogue& e, const char* op) {
  if (e.per_image)
    check(e.per_image.rank() == 2 && e.per_image.dim(0) == shape[0] && e.per_image.dim(1) == shape[-1] && e.per_image.dtype() == x.dtype(), op,
          ": per-image vector is ", e.per_image.shape(), " ", name_of(e.per_image.dtype()), ", output is ", shape);
  if (!e.residual) return x.like(shape);
  check(e.residual.shape() == shape && e.residual.dtype() == x.dtype(), op, ": residual is ", e.residual.shape(), " ",
        name_of(e.residual.dtype()), ", output is ", shape);
  return e.residual.sole_owner() ? e.residual : x.like(shape);
}

}  // namespace

Tensor conv2d(const Tensor& x, const Packed& w, const Conv2dParams& p, Epilogue e) {
  check(x.rank() == 4, "conv2d: input is ", x.shape(), ", [N,H,W,C] is wanted");
  check(x.dim(3) == w.in, "conv2d: input has ", x.dim(3), " channels, weight wants ", w.in);
  check(x.dtype() == w.dtype, "conv2d: input is ", name_of(x.dtype()), ", weight computes in ", name_of(w.dtype));
  const int64_t height = x.dim(1) + p.pad_top + p.pad_bottom - w.kernel_h, width = x.dim(2) + p.pad_left + p.pad_right - w.kernel_w;
  check(height >= 0 && width >= 0, "conv2d: input ", x.shape(), " is smaller than the kernel");
  const Shape shape{x.dim(0), height / p.stride + 1, width / p.stride + 1, w.out};
  Tensor y = product_output(x, shape, e, "conv2d");
  const double flop = 2.0 * static_cast<double>(shape.numel()) * static_cast<double>(w.in) * w.kernel_h * w.kernel_w;
  OpScope scope(x.backend(), "conv2d", flop, [&] { return str(x.shape(), " k", w.kernel_h, " s", p.stride, " -> ", w.out); });
  x.backend().conv2d(y, x, w, p, e);
  return y;
}

Tensor linear(const Tensor& x, const Packed& w, Epilogue e) {
  check(x.rank() >= 2 && x.dim(-1) == w.in, "linear: input is ", x.shape(), ", weight wants ", w.in, " channels");
  check(x.dtype() == w.dtype, "linear: input is ", name_of(x.dtype()), ", weight computes in ", name_of(w.dtype));
  Shape shape = x.shape();
  shape[-1] = w.out;
  Tensor y = product_output(x, shape, e, "linear");
  const double flop = 2.0 * static_cast<double>(shape.numel()) * static_cast<double>(w.in);
  OpScope scope(x.backend(), "linear", flop, [&] { return str(x.shape(), " -> ", w.out); });
  x.backend().linear(y, x, w, e);
  return y;
}

}  // namespace imagent
