// Products by oneDNN, for processors whose matrix instructions (AMX) the own inner loops do not use. Each call of oneDNN is
// one thread's fixed part of one image, so results depend neither on the thread count nor on the batch.
#pragma once
#include <map>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "cpu/parallel.h"
#include "tensor/backend.h"

namespace imagent::cpu {

// One convolution or matrix product of a fixed shape: rows of output of one image. A matrix is a picture one pixel wide.
struct OnednnShape {
  int64_t in_rows = 1, in_width = 1, out_rows = 1, out_width = 1;
  int stride = 1, top = 0, left = 0, bottom = 0, right = 0;
  Act act = Act::none;
  bool residual = false;

  auto operator<=>(const OnednnShape&) const = default;
};

class OnednnWeight : public PackedData {
 public:
  // Errors: memory; internal, with oneDNN's words.
  OnednnWeight(const HostView& weight, const HostView& bias, DType dtype);

  size_t bytes() const { return memory_.get_desc().get_size() + bias_.size() * sizeof(float); }
  bool conv() const { return kernel_.rank() == 4; }
  const std::vector<float>& bias() const { return bias_; }  // [out], zeros when there is none

  struct Primitive {
    dnnl::primitive primitive;
    dnnl::memory::desc source, weight, result, scratchpad;
  };
  // Made once for each shape, then kept. Thread-safe.
  const Primitive& primitive(const OnednnShape& shape) const;
  // Computes one part; bias [out] f32.
  void run(const Primitive& p, const void* x, const float* bias, void* y) const;

 private:
  Primitive make(const OnednnShape& shape, const dnnl::memory::desc& weight) const;

  Shape kernel_;  // [out,in] or [out,in,kh,kw]
  dnnl::memory::data_type type_;
  dnnl::memory memory_;
  std::vector<float> bias_;
  mutable std::mutex mutex_;
  mutable std::map<OnednnShape, Primitive> primitives_;
};

Packed pack_onednn(const HostView& weight, const HostView& bias, DType dtype);
void onednn_linear(ThreadPool& pool, Tensor& y, const Tensor& x, const OnednnWeight& w, const Epilogue& e);
void onednn_conv2d(ThreadPool& pool, Tensor& y, const Tensor& x, const Packed& packed, const Conv2dParams& p, const Epilogue& e);

// Whether this processor multiplies bf16 matrices by AMX.
bool has_amx_bf16();

}  // namespace imagent::cpu
