// Which code computes which verb.
#include "cpu/cpu_backend.h"

#include "base/cores.h"
#include "cpu/kernels.h"
#include "cpu/onednn_product.h"
#include "cpu/product.h"

namespace imagent {

CpuBackend::CpuBackend(int threads, Products products) : threads_(threads > 0 ? threads : usable_cores()), products_(products) {}

bool CpuBackend::supports(DType compute) const {
  return compute == DType::f32 || (compute == DType::bf16 && (by_onednn(compute) || cpu::product_kernels(active_isa(), compute)));
}

bool CpuBackend::by_onednn(DType compute) const {
  if (products_ == Products::automatic) return compute == DType::bf16 && cpu::has_amx_bf16();
  return products_ == Products::onednn;
}

Packed CpuBackend::pack(const HostView& weight, const HostView& bias, DType compute) {
  check(supports(compute), ErrorKind::unsupported, "this processor has no instructions for ", name_of(compute), "; f32 is possible");
  if (by_onednn(compute)) return cpu::pack_onednn(weight, bias, compute);
  return cpu::pack_product(threads_, *cpu::product_kernels(active_isa(), compute), weight, bias);
}

Packed CpuBackend::pack_linear(const HostView& weight, const HostView& bias, DType compute) { return pack(weight, bias, compute); }
Packed CpuBackend::pack_conv2d(const HostView& weight, const HostView& bias, DType compute) { return pack(weight, bias, compute); }

void CpuBackend::conv2d(Tensor& y, const Tensor& x, const Packed& w, const Conv2dParams& p, const Epilogue& e) {
  if (dynamic_cast<const cpu::OnednnWeight*>(w.data.get()))
    cpu::onednn_conv2d(threads_, y, x, w, p, e);
  else
    cpu::product_conv2d(threads_, y, x, w, p, e);
}

void CpuBackend::linear(Tensor& y, const Tensor& x, const Packed& w, const Epilogue& e) {
  if (const auto* theirs = dynamic_cast<const cpu::OnednnWeight*>(w.data.get()))
    cpu::onednn_linear(threads_, y, x, *theirs, e);
  else
    cpu::product_linear(threads_, y, x, static_cast<const cpu::ProductWeight&>(*w.data), e);
}

void CpuBackend::attention(Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, int heads, bool causal) {
  cpu::attention(threads_, y, {q, k, v, heads, causal});
}

}  // namespace imagent
