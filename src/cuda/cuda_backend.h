// The Backend for NVIDIA cards: cuDNN, cuBLASLt and a few own kernels, all queued on one stream. Their choice of algorithms
// depends on shapes, so the last bits may differ with the other images of a batch.
#pragma once
#include "cuda/products.h"
#include "cuda/recordings.h"

namespace imagent::cuda {

struct CudaOptions {
  bool low_vram = false;                    // weights stay with the host where there is no room for them
  int64_t part_bytes = int64_t{64} << 20;   // windows of a convolution and scores of attention are held in parts of up to so much
};

class CudaBackend : public Backend {
 public:
  // Errors: those of Device.
  explicit CudaBackend(const CudaOptions& options = {});

  std::string_view name() const override { return "cuda"; }
  bool supports(DType compute) const override { return compute == DType::f32 || compute == DType::f16 || compute == DType::bf16; }
  bool host_memory() const override { return false; }
  DeviceInfo info() const override { return {1, device_.description()}; }

  std::shared_ptr<Buffer> allocate(size_t bytes) override { return device_.pool().allocate(bytes); }
  void upload(Tensor& to, const void* from) override;
  void download(const Tensor& from, void* to) override;
  void release_cached() override;
  size_t peak_bytes() const override { return device_.own_pool().peak_bytes() + recordings_.pool().peak_bytes(); }
  size_t available_bytes() const override;  // what is kept for later and would be given up counts too
  void next_part() override {}              // blocks stay until memory is short: taking new ones costs more
  bool swaps_weights() const override { return weights_.swaps(); }
  void synchronize() override;
  std::vector<Tensor> replay(const std::string& key, std::vector<Tensor> inputs, const Replayable& fn) override;

  Packed pack_linear(const HostView& weight, const HostView& bias, DType compute) override { return weights_.pack(*this, weight, bias, compute); }
  Packed pack_conv2d(const HostView& weight, const HostView& bias, DType compute) override { return weights_.pack(*this, weight, bias, compute); }
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

 private:
  Device device_;
  WeightStore weights_;
  Recordings recordings_;
  Products products_;
};

}  // namespace imagent::cuda
