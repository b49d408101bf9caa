// Memory and weights on the card, and which code computes which verb.
#include "cuda/cuda_backend.h"

#include <cstring>
#include <vector>

#include "cuda/kernels.h"
#include "cuda/runtime.h"
#include "tensor/embed_rows.h"

namespace imagent::cuda {
namespace {

struct CudaTable : PackedData {
  HostView view;
};

// What the libraries take for themselves is not counted when a run is foreseen: workspaces, windows or scores, one product.
constexpr size_t reserve = size_t{512} << 20;

}  // namespace

CudaBackend::CudaBackend(int64_t part_bytes) : products_(device_, part_bytes) {}

void CudaBackend::upload(Tensor& to, const void* from) {
  // From pageable memory: returns when the driver has read it.
  check_cuda(cudaMemcpyAsync(to.data(), from, to.bytes(), cudaMemcpyHostToDevice, device_.stream()), "copying to the card");
}

void CudaBackend::download(const Tensor& from, void* to) {
  check_cuda(cudaMemcpyAsync(to, from.data(), from.bytes(), cudaMemcpyDeviceToHost, device_.stream()), "copying from the card");
  device_.synchronize();
}

size_t CudaBackend::available_bytes() const {
  const size_t free = device_.free_bytes();
  return free > reserve ? free - reserve : 0;
}

Tensor CudaBackend::packed_tensor(const HostView& view, DType dtype, int64_t taps) {
  const int64_t count = view.shape.numel();
  const bool direct = view.dtype == DType::f32 || view.dtype == DType::f16 || view.dtype == DType::bf16;  // others are widened on the way
  Tensor y(*this, {count}, dtype);
  const bool as_is = view.dtype == dtype && taps == 1;
  Tensor raw = as_is ? y : Tensor(*this, {count}, direct ? view.dtype : DType::f32);
  const auto* from = static_cast<const char*>(view.data);
  const size_t size = size_of(raw.dtype());
  device_.staging().send(raw.data(), raw.bytes(), [&](size_t first, size_t bytes, void* piece) {
    if (direct)
      std::memcpy(piece, from + first, bytes);
    else
      widen_to_f32(view.dtype, from + first / size * size_of(view.dtype), static_cast<float*>(piece), bytes / size);
  });
  if (!as_is) pack_weight(device_.stream(), y, raw, view.shape.rank() > 1 ? view.shape[1] : 1, taps);
  return y;
}

Packed CudaBackend::pack(const HostView& weight, const HostView& bias, DType compute) {
  const Shape& s = weight.shape;
  const bool conv = s.rank() == 4;
  const int64_t kernel_h = conv ? s[2] : 1, kernel_w = conv ? s[3] : 1;
  auto data = std::make_shared<CudaWeight>();
  data->weight = packed_tensor(weight, compute, kernel_h * kernel_w).reshape({s[0], kernel_h, kernel_w, s[1]});
  if (bias.data) data->bias = packed_tensor(bias, compute, 1);
  const size_t bytes = data->weight.bytes() + (data->bias ? data->bias.bytes() : 0);
  return {s[1], s[0], static_cast<int>(kernel_h), static_cast<int>(kernel_w), compute, bytes, data};
}

Packed CudaBackend::pack_table(const HostView& table, DType compute) {
  auto data = std::make_shared<CudaTable>();
  data->view = table;
  return {table.shape[0], table.shape[1], 1, 1, compute, 0, data};
}

void CudaBackend::embed(Tensor& y, std::span<const int32_t> ids, const Packed& table) {
  std::vector<char> rows(y.bytes());
  embed_rows(static_cast<const CudaTable&>(*table.data).view, ids, y.dtype(), rows.data());
  upload(y, rows.data());
}

void CudaBackend::conv2d(Tensor& y, const Tensor& x, const Packed& w, const Conv2dParams& p, const Epilogue& e) { products_.conv2d(y, x, w, p, e); }

void CudaBackend::linear(Tensor& y, const Tensor& x, const Packed& w, const Epilogue& e) {
  products_.linear(y, x, static_cast<const CudaWeight&>(*w.data), e);
}

void CudaBackend::attention(Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, int heads, bool causal) {
  products_.attention(y, {q, k, v, heads, causal});
}

void CudaBackend::group_norm(Tensor& y, const Tensor& x, const NormParams& p, int groups, Act act) {
  Tensor statistics = p.statistics;
  if (!statistics) {
    statistics = Tensor(*this, {x.dim(0), groups, 2}, DType::f32);
    group_statistics(statistics, x, groups);
  }
  normalize_groups(device_.stream(), y, {x, statistics, p, groups, act});
}

void CudaBackend::group_statistics(Tensor& y, const Tensor& x, int groups) {
  Tensor partial(*this, {partial_statistics(x, groups)}, DType::f32);
  cuda::group_statistics(device_.stream(), y, x, groups, partial);
}

void CudaBackend::layer_norm(Tensor& y, const Tensor& x, const NormParams& p) { cuda::layer_norm(device_.stream(), y, x, p); }
void CudaBackend::unary(Tensor& y, const Tensor& x, Act act) { cuda::unary(device_.stream(), y, x, act); }
void CudaBackend::geglu(Tensor& y, const Tensor& x) { cuda::geglu(device_.stream(), y, x); }
void CudaBackend::axpby(Tensor& y, float a, const Tensor& x, float b, const Tensor& z) { cuda::axpby(device_.stream(), y, a, x, b, z); }
void CudaBackend::scale_pixels(Tensor& y, const Tensor& x, const Tensor& scale) { cuda::scale_pixels(device_.stream(), y, x, scale); }
void CudaBackend::concat_channels(Tensor& y, std::span<const Tensor> parts) { cuda::concat_channels(device_.stream(), y, parts); }
void CudaBackend::upsample_nearest(Tensor& y, const Tensor& x) { cuda::upsample_nearest(device_.stream(), y, x); }
void CudaBackend::wrap(Tensor& y, const Tensor& x, const Border& border) { cuda::wrap(device_.stream(), y, x, border); }
void CudaBackend::cast(Tensor& y, const Tensor& x) { cuda::cast(device_.stream(), y, x); }

}  // namespace imagent::cuda
