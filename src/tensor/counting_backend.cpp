// Counting what a run would hold.
#include "tensor/counting_backend.h"

#include <algorithm>
#include <cstring>

namespace imagent {

struct CountingBackend::Count {
  size_t now = 0, peak = 0;
};

namespace {

struct CountedBuffer : Buffer {
  std::function<void()> on_free;
  CountedBuffer(size_t size, std::function<void()> on_free) : Buffer(nullptr, size), on_free(std::move(on_free)) {}
  ~CountedBuffer() override { on_free(); }
};

struct NothingPacked : PackedData {};

Packed counted(const HostView& weight, const HostView& bias, DType compute) {
  const bool conv = weight.shape.rank() == 4;
  const size_t bytes = static_cast<size_t>(weight.shape.numel()) * size_of(compute) + static_cast<size_t>(bias.data ? weight.shape[0] : 0) * 4;
  return {weight.shape[1], weight.shape[0], conv ? static_cast<int>(weight.shape[2]) : 1, conv ? static_cast<int>(weight.shape[3]) : 1,
          compute, bytes, std::make_shared<NothingPacked>()};
}

}  // namespace

CountingBackend::CountingBackend() : count_(std::make_shared<Count>()) {}

std::shared_ptr<Buffer> CountingBackend::allocate(size_t bytes) {
  count_->now += bytes;
  count_->peak = std::max(count_->peak, count_->now);
  return std::make_shared<CountedBuffer>(bytes, [count = count_, bytes] { count->now -= bytes; });
}

void CountingBackend::download(const Tensor& from, void* to) { std::memset(to, 0, from.bytes()); }
size_t CountingBackend::peak_bytes() const { return count_->peak; }

Packed CountingBackend::pack_linear(const HostView& weight, const HostView& bias, DType compute) { return counted(weight, bias, compute); }
Packed CountingBackend::pack_conv2d(const HostView& weight, const HostView& bias, DType compute) { return counted(weight, bias, compute); }
Packed CountingBackend::pack_table(const HostView& table, DType compute) {
  return {table.shape[0], table.shape[1], 1, 1, compute, 0, std::make_shared<NothingPacked>()};
}

}  // namespace imagent
