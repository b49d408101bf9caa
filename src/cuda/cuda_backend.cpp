// Memory and weights on the card, and which code computes which verb.
#include "cuda/cuda_backend.h"

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

CudaBackend::CudaBackend(const CudaOptions& options)
    : weights_(device_, options.low_vram), recordings_(device_), products_(device_, weights_, options.part_bytes) {
  device_.set_ways_to_make_room({[this] { return recordings_.clear(); }, [this] { return weights_.drop_one(); }});
}

void CudaBackend::upload(Tensor& to, const void* from) {
  recordings_.refuse("copying to the card");
  // From pageable memory: returns when the driver has read it.
  check_cuda(cudaMemcpyAsync(to.data(), from, to.bytes(), cudaMemcpyHostToDevice, device_.stream()), "copying to the card");
}

void CudaBackend::download(const Tensor& from, void* to) {
  recordings_.refuse("copying from the card");
  check_cuda(cudaMemcpyAsync(to, from.data(), from.bytes(), cudaMemcpyDeviceToHost, device_.stream()), "copying from the card");
  device_.synchronize();
}

size_t CudaBackend::available_bytes() const {
  const BufferPool& recorded = recordings_.pool();
  const size_t free = device_.free_bytes() + device_.own_pool().bytes_cached() + recorded.bytes_cached() + recorded.bytes_in_use() + weights_.bytes_that_can_leave();
  return free > reserve ? free - reserve : 0;
}

void CudaBackend::release_cached() {
  device_.own_pool().release();
  recordings_.clear();
}

void CudaBackend::synchronize() {
  recordings_.refuse("waiting for the card");
  device_.synchronize();
}

std::vector<Tensor> CudaBackend::replay(const std::string& key, std::vector<Tensor> inputs, const Replayable& fn) {
  if (observer || weights_.swaps()) return fn(std::move(inputs));  // each op is to be seen; weights come and go
  if (cancel && *cancel) fail(ErrorKind::cancelled, "cancelled");
  return recordings_.run(key, std::move(inputs), fn);
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

void CudaBackend::conv2d(Tensor& y, const Tensor& x, const Packed& w, const Conv2dParams& p, const Epilogue& e) {
  recordings_.note(w.data);
  products_.conv2d(y, x, w, p, e);
}

void CudaBackend::linear(Tensor& y, const Tensor& x, const Packed& w, const Epilogue& e) {
  recordings_.note(w.data);
  products_.linear(y, x, w, e);
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
