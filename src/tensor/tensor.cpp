// Tensors as values over shared buffers.
#include "tensor/tensor.h"

#include "tensor/backend.h"

namespace imagent {

// A model with many enough upsamplers asks for sizes beyond 64 bits.
static size_t checked_bytes(const Shape& shape, DType dtype) {
  constexpr int64_t most = int64_t{1} << 56;
  int64_t bytes = static_cast<int64_t>(size_of(dtype));
  for (const int64_t length : shape)
    check(!__builtin_mul_overflow(bytes, length, &bytes) && bytes <= most, ErrorKind::memory, "out of memory: a tensor ", shape, " ", name_of(dtype), " is wanted");
  return static_cast<size_t>(bytes);
}

Tensor::Tensor(Backend& backend, Shape shape, DType dtype)
    : buffer_(backend.allocate(checked_bytes(shape, dtype))), shape_(shape), dtype_(dtype), backend_(&backend) {}

Tensor Tensor::reshape(Shape shape) && {
  check(shape.numel() == numel(), "reshape: ", shape_, " has other elements than ", shape);
  Tensor view = std::move(*this);
  view.shape_ = shape;
  return view;
}

Tensor Tensor::reshape(Shape shape) const& { return Tensor(*this).reshape(shape); }

Tensor Tensor::rows(int64_t begin, int64_t end) const {
  check(0 <= begin && begin <= end && end <= dim(0), "rows: ", begin, " to ", end, " of ", shape_);
  Tensor view = *this;
  const int64_t row = dim(0) ? numel() / dim(0) : 0;
  view.offset_ += static_cast<size_t>(begin * row) * size_of(dtype_);
  view.shape_[0] = end - begin;
  return view;
}

}  // namespace imagent
