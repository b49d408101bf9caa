// Which code computes which verb.
#include "cpu/cpu_backend.h"

#include "base/cores.h"
#include "cpu/kernels.h"
#include "cpu/onednn_product.h"
#include "cpu/peak.h"
#include "cpu/product.h"
#include "reference/values.h"
#include "tensor/embed_rows.h"

namespace imagent {

CpuBackend::CpuBackend(int threads, Products products) : threads_(threads > 0 ? threads : usable_cores()), products_(products) {}

DeviceInfo CpuBackend::info() const { return {threads(), str(name_of(active_isa()), cpu::has_amx_bf16() ? "+amx" : "")}; }
PeakGflops CpuBackend::probe_peak() { return imagent::probe_peak(threads()); }

bool CpuBackend::supports(DType compute) const {
  return compute == DType::f32 || (compute == DType::bf16 && (by_onednn(compute) || cpu::product_kernels(active_isa(), compute)));
}

void CpuBackend::side_by_side(int64_t count, const std::function<void(int64_t)>& one) {
  if (observer) return ReferenceBackend::side_by_side(count, one);  // it hears of one op at a time
  threads_.run(count, [&](int64_t i, int) { one(i); });
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

void CpuBackend::group_norm(Tensor& y, const Tensor& x, const NormParams& p, int groups, Act act) {
  cpu::group_norm(threads_, y, {x, p, groups, act});
}

void CpuBackend::group_statistics(Tensor& y, const Tensor& x, int groups) { cpu::group_statistics(threads_, y, x, groups); }
void CpuBackend::layer_norm(Tensor& y, const Tensor& x, const NormParams& p) { cpu::layer_norm(threads_, y, x, p); }
void CpuBackend::unary(Tensor& y, const Tensor& x, Act act) { cpu::unary(threads_, y, x, act); }
void CpuBackend::geglu(Tensor& y, const Tensor& x) { cpu::geglu(threads_, y, x); }
void CpuBackend::scale_pixels(Tensor& y, const Tensor& x, const Tensor& scale) { cpu::scale_pixels(threads_, y, x, scale); }
void CpuBackend::axpby(Tensor& y, float a, const Tensor& x, float b, const Tensor& z) { cpu::axpby(threads_, y, {a, x, b, z}); }
void CpuBackend::concat_channels(Tensor& y, std::span<const Tensor> parts) { cpu::concat_channels(threads_, y, parts); }
void CpuBackend::upsample_nearest(Tensor& y, const Tensor& x) { cpu::upsample_nearest(threads_, y, x); }
void CpuBackend::wrap(Tensor& y, const Tensor& x, const Border& border) { cpu::wrap(threads_, y, x, border); }
void CpuBackend::cast(Tensor& y, const Tensor& x) { cpu::cast(threads_, y, x); }

void CpuBackend::embed(Tensor& y, std::span<const int32_t> ids, const Packed& table) {
  embed_rows(static_cast<const ReferenceTable&>(*table.data).view, ids, y.dtype(), y.data());
}

}  // namespace imagent
