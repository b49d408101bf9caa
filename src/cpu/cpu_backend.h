// The Backend for processors: oneDNN, own products and own SIMD kernels, all on one set of threads.
#pragma once
#include "cpu/parallel.h"
#include "reference/reference_backend.h"

namespace imagent {

class CpuBackend : public ReferenceBackend {
 public:
  explicit CpuBackend(int threads = 0);  // 0: all cores this process may use

  std::string_view name() const override { return "cpu"; }
  bool supports(DType compute) const override;  // f32; bf16 where the processor has instructions for it
  int threads() const { return pool_of_threads_.threads(); }

  Packed pack_linear(const HostView& weight, const HostView& bias, DType compute) override;
  Packed pack_conv2d(const HostView& weight, const HostView& bias, DType compute) override;
  void conv2d(Tensor& y, const Tensor& x, const Packed& w, const Conv2dParams& p, const Epilogue& e) override;
  void linear(Tensor& y, const Tensor& x, const Packed& w, const Epilogue& e) override;

 private:
  cpu::ThreadPool pool_of_threads_;
};

}  // namespace imagent
