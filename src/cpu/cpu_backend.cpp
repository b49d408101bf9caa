// Which code computes which verb.
#include "cpu/cpu_backend.h"

#include "base/cores.h"
#include "cpu/product.h"

namespace imagent {

CpuBackend::CpuBackend(int threads) : pool_of_threads_(threads > 0 ? threads : usable_cores()) {}

bool CpuBackend::supports(DType compute) const {
  return compute == DType::f32 || (compute == DType::bf16 && cpu::product_kernels(active_isa(), DType::bf16));
}

Packed CpuBackend::pack_linear(const HostView& weight, const HostView& bias, DType compute) {
  if (const auto* kernels = cpu::product_kernels(active_isa(), compute)) return cpu::pack_product(pool_of_threads_, *kernels, weight, bias);
  return ReferenceBackend::pack_linear(weight, bias, compute);
}

Packed CpuBackend::pack_conv2d(const HostView& weight, const HostView& bias, DType compute) {
  if (const auto* kernels = cpu::product_kernels(active_isa(), compute)) return cpu::pack_product(pool_of_threads_, *kernels, weight, bias);
  return ReferenceBackend::pack_conv2d(weight, bias, compute);
}

void CpuBackend::conv2d(Tensor& y, const Tensor& x, const Packed& w, const Conv2dParams& p, const Epilogue& e) {
  if (dynamic_cast<const cpu::ProductWeight*>(w.data.get())) return cpu::product_conv2d(pool_of_threads_, y, x, w, p, e);
  ReferenceBackend::conv2d(y, x, w, p, e);
}

void CpuBackend::linear(Tensor& y, const Tensor& x, const Packed& w, const Epilogue& e) {
  if (const auto* own = dynamic_cast<const cpu::ProductWeight*>(w.data.get())) return cpu::product_linear(pool_of_threads_, y, x, *own, e);
  ReferenceBackend::linear(y, x, w, e);
}

}  // namespace imagent
