// All a device must do. Tensors arrive checked and outputs allocated (by ops/), a verb only computes. Norms, softmax and
// sums accumulate in f32 whatever the dtype. Results depend neither on the thread count nor on the other images of a batch.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory.h"
#include "tensor/tensor.h"

namespace imagent {

enum class Act : uint8_t { none, silu, gelu, gelu_tanh, quick_gelu, relu, leaky_relu, tanh };  // gelu: exact erf; leaky_relu: slope 0.2

// Elements in host memory, dense, in a checkpoint's order and dtype. `owner` keeps them alive.
struct HostView {
  DType dtype = DType::f32;
  Shape shape;
  const void* data = nullptr;
  std::shared_ptr<const void> owner;
};

// A weight in the device's own layout, with its bias; made once by pack_*.
struct PackedData {
  virtual ~PackedData() = default;
};

// Where a packed weight lies. Copies share the place, so that a loaded model's weight can be exchanged for another one of
// the same shape wherever its layers have gone; no run may be under way.
class PackedPlace {
 public:
  PackedPlace() = default;
  template <class Data>
  PackedPlace(std::shared_ptr<Data> data) : place_(std::make_shared<std::shared_ptr<const PackedData>>(std::move(data))) {}

  const PackedData* get() const { return place_ ? place_->get() : nullptr; }
  const PackedData& operator*() const { return *get(); }
  void take(const PackedPlace& other) { *place_ = *other.place_; }

  // What lay there at a moment; keeps nothing.
  class Seen {
   public:
    bool still_there() const {
      const auto place = place_.lock();
      return place && !data_.expired() && *place == data_.lock();
    }

   private:
    friend class PackedPlace;
    std::weak_ptr<std::shared_ptr<const PackedData>> place_;
    std::weak_ptr<const PackedData> data_;
  };
  Seen seen() const {
    Seen now;
    now.place_ = place_;
    now.data_ = *place_;
    return now;
  }

 private:
  std::shared_ptr<std::shared_ptr<const PackedData>> place_;
};
struct Packed {
  int64_t in = 0, out = 0;
  int kernel_h = 1, kernel_w = 1;
  DType dtype = DType::f32;  // what the verb computes in: the dtype of its input and output
  size_t bytes = 0;          // memory it holds beyond the mapped file
  PackedPlace data;

  explicit operator bool() const { return data.get() != nullptr; }
};

// What happens to a product before it is stored: y = act(x*w + bias + per_image) + residual.
struct Epilogue {
  Act act = Act::none;
  Tensor per_image;  // [N,out] or empty: one vector for all pixels or tokens of image n
  Tensor residual;   // the output's shape or empty; may be the output's own memory
};

struct Conv2dParams {
  int stride = 1;
  int pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;

  static Conv2dParams same(int kernel) { return {1, kernel / 2, kernel / 2, kernel / 2, kernel / 2}; }
};

struct NormParams {
  Tensor gamma, beta;  // f32 [C]
  float eps = 1e-5f;
  Tensor statistics = {};  // f32 [groups,2], group_norm only: mean and variance that hold instead of the input's own; or empty
};

// Pixels that a picture is continued by at its sides.
struct Border {
  int top = 0, left = 0, bottom = 0, right = 0;
};

// What one verb did, for profiles: reported after each op when a Backend has an observer.
struct OpRecord {
  std::string_view op;
  std::string shape;
  double flop = 0, seconds = 0;
};

// What a device computes with, for reports.
struct DeviceInfo {
  int threads = 1;
  std::string instructions;  // "avx512bf16", ...
};

// GFLOP/s (a multiplication and an addition are two) of bare multiply-add loops on all of a device; 0: it has no such arithmetic.
struct PeakGflops {
  double f32 = 0, bf16 = 0, int8 = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;              // "cpu"
  virtual bool supports(DType compute) const = 0;         // can it compute in this dtype at speed
  virtual bool host_memory() const = 0;                   // may the host follow Tensor::data()
  virtual DeviceInfo info() const { return {}; }

  // Memory. Errors: memory.
  virtual std::shared_ptr<Buffer> allocate(size_t bytes) = 0;
  virtual void upload(Tensor& to, const void* from) = 0;         // to.bytes() bytes from the host
  virtual void download(const Tensor& from, void* to) = 0;       // waits for the result
  virtual void release_cached() = 0;                             // gives unused memory back to the system
  virtual size_t peak_bytes() const = 0;                         // largest memory held for tensors so far
  virtual size_t available_bytes() const { return available_memory(); }  // that can still be had
  virtual void next_part() { release_cached(); }                 // what follows computes with other sizes than what was
  virtual bool swaps_weights() const { return false; }           // the host keeps weights for which there is no room
  virtual void synchronize() {}
  virtual PeakGflops probe_peak() { return {}; }  // measured now, all zero when unknown
  // fn(inputs); a backend that can record what is queued may do again what an earlier call with the same key queued, with these
  // inputs. So the key says all that fn depends on besides the inputs and the weights that it uses, and fn neither uploads nor
  // downloads.
  using Replayable = std::function<std::vector<Tensor>(std::vector<Tensor> inputs)>;
  virtual std::vector<Tensor> replay(const std::string& key, std::vector<Tensor> inputs, const Replayable& fn) {
    return (void)key, fn(std::move(inputs));
  }
  // Runs one(i) for every i below `count`, perhaps several side by side, each on a part of the device: for ops too small to
  // keep all of it busy. Throws what the first that fails threw.
  virtual void side_by_side(int64_t count, const std::function<void(int64_t)>& one) {
    for (int64_t i = 0; i < count; ++i) one(i);
  }

  // Weights, once per layer. weight [out,in] or [out,in,kh,kw], bias [out] (shape empty: none), any float dtype.
  virtual Packed pack_linear(const HostView& weight, const HostView& bias, DType compute) = 0;
  virtual Packed pack_conv2d(const HostView& weight, const HostView& bias, DType compute) = 0;
  virtual Packed pack_table(const HostView& table, DType compute) = 0;  // [entries,C], read by embed

  // x [N,H,W,in] -> y [N,H',W',out].
  virtual void conv2d(Tensor& y, const Tensor& x, const Packed& w, const Conv2dParams& p, const Epilogue& e) = 0;
  // x [...,in] -> y [...,out]; the first axis is the image for Epilogue::per_image.
  virtual void linear(Tensor& y, const Tensor& x, const Packed& w, const Epilogue& e) = 0;
  // q [N,T,heads*D], k and v [N,S,heads*D] -> y [N,T,heads*D]; softmax(q k^T / sqrt(D)) v per head; never holds T x S.
  virtual void attention(Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, int heads, bool causal) = 0;
  // x [N,...,C], statistics per image and group; act(normalised*gamma + beta). y may be x.
  virtual void group_norm(Tensor& y, const Tensor& x, const NormParams& p, int groups, Act act) = 0;
  // x [N,...,C] -> y f32 [N,groups,2]: mean and variance of each image and group.
  virtual void group_statistics(Tensor& y, const Tensor& x, int groups) = 0;
  // Over the last axis. y may be x.
  virtual void layer_norm(Tensor& y, const Tensor& x, const NormParams& p) = 0;
  virtual void unary(Tensor& y, const Tensor& x, Act act) = 0;                               // y may be x
  virtual void geglu(Tensor& y, const Tensor& x) = 0;                                        // [...,2C] -> [...,C]: first half * gelu(second half)
  virtual void axpby(Tensor& y, float a, const Tensor& x, float b, const Tensor& z) = 0;     // a*x + b*z; y may be x or z
  virtual void scale_pixels(Tensor& y, const Tensor& x, const Tensor& scale) = 0;            // x [N,...,C] times f32 [...]; y may be x
  virtual void concat_channels(Tensor& y, std::span<const Tensor> parts) = 0;
  virtual void upsample_nearest(Tensor& y, const Tensor& x) = 0;                             // source index floor(i * h / H)
  virtual void wrap(Tensor& y, const Tensor& x, const Border& border) = 0;                   // y [N,H+..,W+..,C]: x goes on at its other side
  virtual void embed(Tensor& y, std::span<const int32_t> ids, const Packed& table) = 0;     // y [ids,C]
  virtual void cast(Tensor& y, const Tensor& x) = 0;                                         // to y's dtype

  // Checked before every op; when it points to true the op throws Error{cancelled}.
  const std::atomic<bool>* cancel = nullptr;
  std::function<void(const OpRecord&)> observer;
};

}  // namespace imagent
