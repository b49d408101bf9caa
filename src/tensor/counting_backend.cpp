// Counting what a run would hold.
#include "tensor/counting_backend.h"

#include <cstring>

namespace imagent {

namespace {

struct NothingPacked : PackedData {};

}  // namespace

Packed CountingBackend::counted(const HostView& weight, const HostView& bias, DType compute) const {
  const bool conv = weight.shape.rank() == 4;
  const size_t bytes = weight_bytes(weight.shape, compute) + static_cast<size_t>(bias.data ? weight.shape[0] : 0) * 4;
  return {weight.shape[1], weight.shape[0], conv ? static_cast<int>(weight.shape[2]) : 1, conv ? static_cast<int>(weight.shape[3]) : 1,
          compute, bytes, std::make_shared<NothingPacked>()};
}

void CountingBackend::download(const Tensor& from, void* to) { std::memset(to, 0, from.bytes()); }

Packed CountingBackend::pack_linear(const HostView& weight, const HostView& bias, DType compute) { return counted(weight, bias, compute); }
Packed CountingBackend::pack_conv2d(const HostView& weight, const HostView& bias, DType compute) { return counted(weight, bias, compute); }
Packed CountingBackend::pack_table(const HostView& table, DType compute) {
  return {table.shape[0], table.shape[1], 1, 1, compute, 0, std::make_shared<NothingPacked>()};
}

}  // namespace imagent
