// Tensors: eager values, always dense, channels last. Pictures are [N,H,W,C], token lists [N,T,C].
#pragma once
#include <memory>
#include <utility>

#include "tensor/buffer.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace imagent {

class Backend;

class Tensor {
 public:
  Tensor() = default;                                  // holds nothing; false as a condition
  Tensor(Backend& backend, Shape shape, DType dtype);  // uninitialised memory of that backend

  explicit operator bool() const { return buffer_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  int64_t dim(int axis) const { return shape_[axis]; }  // negative axes count from the end
  int64_t numel() const { return shape_.numel(); }
  size_t bytes() const { return static_cast<size_t>(numel()) * size_of(dtype_); }
  DType dtype() const { return dtype_; }
  Backend& backend() const { return *backend_; }

  // The address on the device. as<T>() is for backends whose memory is the host's.
  void* data() const { return static_cast<char*>(buffer_->data) + offset_; }
  template <class T>
  T* as() const { return static_cast<T*>(data()); }

  Tensor like(Shape shape) const { return Tensor(*backend_, shape, dtype_); }  // new, same backend and dtype
  Tensor reshape(Shape shape) const&;                                          // a free view; same number of elements
  Tensor reshape(Shape shape) &&;                                              // the same, without a second owner
  Tensor rows(int64_t begin, int64_t end) const;                               // a free view of entries of the first axis
  bool same_memory(const Tensor& other) const { return buffer_ == other.buffer_ && offset_ == other.offset_; }

  // Whether nobody else can see this memory: then an op may write into it.
  bool sole_owner() const { return buffer_ && buffer_.use_count() == 1; }

 private:
  std::shared_ptr<Buffer> buffer_;
  size_t offset_ = 0;
  Shape shape_;
  DType dtype_ = DType::f32;
  Backend* backend_ = nullptr;
};

}  // namespace imagent
