// A Backend that computes nothing and only counts: running a model on it tells the memory that a real run will need.
#pragma once
#include "tensor/backend.h"

namespace imagent {

class CountingBackend : public Backend {
 public:
  // `device`: whose weights are counted; null: as many bytes as they have elements of their type.
  explicit CountingBackend(const Backend* device = nullptr) : device_(device) {}

  std::string_view name() const override { return "counting"; }
  bool supports(DType) const override { return true; }
  bool host_memory() const override { return false; }

  std::shared_ptr<Buffer> allocate(size_t bytes) override { return pool_->allocate(bytes); }
  void upload(Tensor&, const void*) override {}
  void download(const Tensor& from, void* to) override;  // zeros
  void release_cached() override { pool_->release(); }
  size_t weight_bytes(const Shape& weight, DType compute) const override { return device_ ? device_->weight_bytes(weight, compute) : Backend::weight_bytes(weight, compute); }
  size_t peak_bytes() const override { return pool_->peak_bytes(); }

  Packed pack_linear(const HostView& weight, const HostView& bias, DType compute) override;
  Packed pack_conv2d(const HostView& weight, const HostView& bias, DType compute) override;
  Packed pack_table(const HostView& table, DType compute) override;

  void conv2d(Tensor&, const Tensor&, const Packed&, const Conv2dParams&, const Epilogue&) override {}
  void linear(Tensor&, const Tensor&, const Packed&, const Epilogue&) override {}
  void attention(Tensor&, const Tensor&, const Tensor&, const Tensor&, int, bool) override {}
  void group_norm(Tensor&, const Tensor&, const NormParams&, int, Act) override {}
  void group_statistics(Tensor&, const Tensor&, int) override {}
  void layer_norm(Tensor&, const Tensor&, const NormParams&) override {}
  void unary(Tensor&, const Tensor&, Act) override {}
  void geglu(Tensor&, const Tensor&) override {}
  void axpby(Tensor&, float, const Tensor&, float, const Tensor&) override {}
  void scale_pixels(Tensor&, const Tensor&, const Tensor&) override {}
  void concat_channels(Tensor&, std::span<const Tensor>) override {}
  void upsample_nearest(Tensor&, const Tensor&) override {}
  void wrap(Tensor&, const Tensor&, const Border&) override {}
  void embed(Tensor&, std::span<const int32_t>, const Packed&) override {}
  void cast(Tensor&, const Tensor&) override {}

 private:
  Packed counted(const HostView& weight, const HostView& bias, DType compute) const;

  const Backend* device_;
  // The same pool as the real backends', so that what it keeps for later is counted too.
  std::shared_ptr<BufferPool> pool_ = BufferPool::create(counted_blocks());
};

}  // namespace imagent
