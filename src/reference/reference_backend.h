// The Backend in plain loops over f32: the executable specification, and the oracle of all op tests.
#pragma once
#include "tensor/backend.h"

namespace imagent {

class ReferenceBackend : public Backend {
 public:
  ReferenceBackend();

  std::string_view name() const override { return "reference"; }
  bool supports(DType compute) const override { return compute == DType::f32 || compute == DType::bf16 || compute == DType::f16; }
  bool host_memory() const override { return true; }

  std::shared_ptr<Buffer> allocate(size_t bytes) override { return pool_->allocate(bytes); }
  void upload(Tensor& to, const void* from) override;
  void download(const Tensor& from, void* to) override;
  void release_cached() override { pool_->release(); }
  size_t peak_bytes() const override { return pool_->peak_bytes(); }

  Packed pack_linear(const HostView& weight, const HostView& bias, DType compute) override;
  Packed pack_conv2d(const HostView& weight, const HostView& bias, DType compute) override;
  Packed pack_table(const HostView& table, DType compute) override;

  void conv2d(Tensor& y, const Tensor& x, const Packed& w, const Conv2dParams& p, const Epilogue& e) override;
  void linear(Tensor& y, const Tensor& x, const Packed& w, const Epilogue& e) override;
  void attention(Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, int heads, bool causal) override;
  void group_norm(Tensor& y, const Tensor& x, const NormParams& p, int groups, Act act) override;
  void group_statistics(Tensor& y, const Tensor& x, int groups) override;
  void layer_norm(Tensor& y, const Tensor& x, const NormParams& p) override;
  void unary(Tensor& y, const Tensor& x, Act act) override;
  void geglu(Tensor& y, const Tensor& x) override;
  void axpby(Tensor& y, float a, const Tensor& x, float b, const Tensor& z) override;
  void scale_pixels(Tensor& y, const Tensor& x, const Tensor& scale) override;
  void concat_channels(Tensor& y, std::span<const Tensor> parts) override;
  void upsample_nearest(Tensor& y, const Tensor& x) override;
  void wrap(Tensor& y, const Tensor& x, const Border& border) override;
  void embed(Tensor& y, std::span<const int32_t> ids, const Packed& table) override;
  void cast(Tensor& y, const Tensor& x) override;

  // How many of the verbs above ran in plain loops: a fast backend that derives from this one must leave it at 0.
  int64_t reference_calls() const { return calls_; }

 protected:
  std::shared_ptr<BufferPool> pool_;

 private:
  int64_t calls_ = 0;
};

float activate(Act act, float x);

}  // namespace imagent
