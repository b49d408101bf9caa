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
  bool supports(DType compute) const override;  // f32; bf16 where the processor has instructions for it
  int threads() const { return threads_.threads(); }

  Packed pack_linear(const HostView& weight, const HostView& bias, DType compute) override;
  Packed pack_conv2d(const HostView& weight, const HostView& bias, DType compute) override;
  void conv2d(Tensor& y, const Tensor& x, const Packed& w, const Conv2dParams& p, const Epilogue& e) override;
  void linear(Tensor& y, const Tensor& x, const Packed& w, const Epilogue& e) override;
  void attention(Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, int heads, bool causal) override;

 private:
  bool by_onednn(DType compute) const;
  Packed pack(const HostView& weight, const HostView& bias, DType compute);

  cpu::ThreadPool threads_;
  Products products_;
};

}  // namespace imagent
