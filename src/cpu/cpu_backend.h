// The Backend for processors: oneDNN, own products and own SIMD kernels, all on one set of threads.
#pragma once
#include "cpu/parallel.h"
#include "reference/reference_backend.h"

namespace imagent {

// Who computes conv2d and linear: the own inner loops, or oneDNN. By itself, oneDNN where it has AMX for the dtype.
enum class Products { automatic, own, onednn };

class CpuBackend : public ReferenceBackend {
 public:
  explicit CpuBackend(int threads = 0, Products products = Products::automatic);  // 0: all cores this process may use

  std::string_view name() const override { return "cpu"; }
  DeviceInfo info() const override;
  PeakGflops probe_peak() override;
  bool supports(DType compute) const override;  // f32; bf16 where the processor has instructions for it
  int threads() const { return threads_.threads(); }
  void side_by_side(int64_t count, const std::function<void(int64_t)>& one) override;

  Packed pack_linear(const HostView& weight, const HostView& bias, DType compute) override;
  Packed pack_conv2d(const HostView& weight, const HostView& bias, DType compute) override;
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
  bool by_onednn(DType compute) const;
  Packed pack(const HostView& weight, const HostView& bias, DType compute);

  cpu::ThreadPool threads_;
  Products products_;
};

}  // namespace imagent
