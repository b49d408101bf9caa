// Weights on the card: for good, or, with little memory there, for as long as there is room. They are read from the mapped file,
// so the host keeps them without memory of its own.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "cuda/device.h"
#include "tensor/backend.h"

namespace imagent::cuda {

// Which weights are kept in 8 bits: by their shape alone, so that it is known before they are read.
struct EightBitWeights {
  std::optional<DType> dtype = {};        // i8 or f8_e4m3; absent: none
  int64_t least = int64_t{1} << 18;       // elements: with fewer, more is read and written besides than is saved in multiplying

  // weight [out,in] or [out,in,kh,kw]: a large linear layer's, both sides multiples of 16, as the library wants them, and few
  // enough inputs that sums of i8 fit 32 bits.
  bool hold(const Shape& weight) const;
};

struct CudaWeight : PackedData, std::enable_shared_from_this<CudaWeight> {
  Shape shape;                    // [out,kh,kw,in]
  DType dtype = DType::f32;       // of the matrix: what it computes in, or i8 or f8_e4m3
  Tensor bias;                    // [out] of what it computes in, or empty
  HostView source;                // what can be read again; without data the matrix stays
  mutable Tensor matrix;          // of `shape`; empty while it is not on the card
  mutable Tensor scales;          // of the matrix's rows when they are 8-bit numbers, f32 [out]; they stay
  mutable uint64_t last_use = 0;  // counts uses of all weights; 0: none yet

  bool in_eight_bits() const { return size_of(dtype) == 1; }
};

class WeightStore {
 public:
  // swaps: matrices leave the card when there is no room for what else is wanted.
  WeightStore(Device& device, bool swaps, const EightBitWeights& eight_bit) : device_(device), swaps_(swaps), eight_bit_(eight_bit) {}

  bool swaps() const { return swaps_; }
  size_t bytes_of(const Shape& weight, DType compute) const;  // on the card
  size_t bytes_that_can_leave() const;

  // As Backend::pack_linear and pack_conv2d. Without an owner the views are read now alone.
  Packed pack(Backend& backend, const HostView& weight, const HostView& bias, DType compute);
  // Its matrix. What is queued now may use it; it may be gone for what is queued later.
  Tensor on_card(Backend& backend, const CudaWeight& weight);
  // Drops the matrix that is expected to be wanted last. false: there is none.
  bool drop_one();

 private:
  Tensor sent(Backend& backend, const HostView& view);  // its elements as they are, or as f32
  // [out,in,taps] in the file's order as [out,taps,in] of the dtype.
  Tensor in_order(Tensor elements, DType dtype, int64_t in, int64_t taps);
  void bring(Backend& backend, const CudaWeight& weight, const HostView& view);

  Device& device_;
  const bool swaps_;
  const EightBitWeights eight_bit_;
  std::map<uint64_t, std::weak_ptr<const CudaWeight>> present_;  // that can leave, by their last use
  uint64_t clock_ = 0, use_before_ = 0;  // of all weights; of the one that was wanted last, when it was wanted before
};

}  // namespace imagent::cuda
