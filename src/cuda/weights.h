// Weights on the card: for good, or, with little memory there, for as long as there is room. They are read from the mapped file,
// so the host keeps them without memory of its own.
#pragma once
#include <cstdint>
#include <map>
#include <memory>

#include "cuda/device.h"
#include "tensor/backend.h"

namespace imagent::cuda {

struct CudaWeight : PackedData, std::enable_shared_from_this<CudaWeight> {
  Shape shape;                    // [out,kh,kw,in]
  DType dtype = DType::f32;       // what it computes in
  Tensor bias;                    // [out] of that dtype, or empty
  HostView source;                // what can be read again; without data the matrix stays
  mutable Tensor matrix;          // of `shape`; empty while it is not on the card
  mutable uint64_t last_use = 0;  // counts uses of all weights; 0: none yet
};

class WeightStore {
 public:
  // swaps: matrices leave the card when there is no room for what else is wanted.
  WeightStore(Device& device, bool swaps) : device_(device), swaps_(swaps) {}

  bool swaps() const { return swaps_; }
  size_t bytes_that_can_leave() const;

  // As Backend::pack_linear and pack_conv2d. Without an owner the views are read now alone.
  Packed pack(Backend& backend, const HostView& weight, const HostView& bias, DType compute);
  // Its matrix. What is queued now may use it; it may be gone for what is queued later.
  Tensor on_card(Backend& backend, const CudaWeight& weight);
  // Drops the matrix that is expected to be wanted last. false: there is none.
  bool drop_one();

 private:
  // The view's elements, [out,in,taps] in the file's order, as [out,taps,in] of the dtype.
  Tensor sent(Backend& backend, const HostView& view, DType dtype, int64_t taps);

  Device& device_;
  const bool swaps_;
  std::map<uint64_t, std::weak_ptr<const CudaWeight>> present_;  // that can leave, by their last use
  uint64_t clock_ = 0, use_before_ = 0;  // of all weights; of the one that was wanted last, when it was wanted before
};

}  // namespace imagent::cuda
