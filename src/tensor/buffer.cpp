// The pool, and the host's memory.
#include "tensor/buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <utility>

#include "base/error.h"

namespace imagent {
namespace {

constexpr size_t huge_page = size_t{2} << 20;

// A decoder's sizes double from block to block, so what its last block left fits nothing any more: a miss of this size
// gives such remains back first. A UNet's tensors are smaller, they stay and serve its next step.
constexpr size_t large_miss = size_t{64} << 20;

size_t rounded(size_t size) {
  const size_t step = size >= 4 * huge_page ? huge_page : size >= 4096 ? 4096 : 64;
  return (size + step - 1) / step * step;
}

struct PooledBuffer : Buffer {
  std::function<void(void*, size_t)> on_free;
  PooledBuffer(void* data, size_t size, std::function<void(void*, size_t)> on_free)
      : Buffer(data, size), on_free(std::move(on_free)) {}
  ~PooledBuffer() override { on_free(data, size); }
};

}  // namespace

BlockSource host_blocks() {
  const auto take = [](size_t size, void*& data) {
    const bool large = size >= 4 * huge_page;
    data = std::aligned_alloc(large ? huge_page : 64, size);
    if (data && large) madvise(data, size, MADV_HUGEPAGE);
    return data != nullptr;
  };
  return {take, [](void* data) { std::free(data); }};
}

BlockSource counted_blocks() {
  const auto take = [](size_t, void*& data) {
    data = nullptr;
    return true;
  };
  return {take, [](void*) {}};
}

BufferPool::~BufferPool() { release(); }

void* BufferPool::take_from_source(size_t size) {
  void* data = nullptr;
  if (source_.take(size, data)) return data;
  if (source_.returns_when_short) release();
  while (!source_.take(size, data)) {
    const bool made_room = source_.make_room && source_.make_room();
    check(made_room, ErrorKind::memory, "out of memory: ", size >> 20, " MiB more are needed, ", in_use_ >> 20, " MiB are in use");
    if (source_.returns_when_short) release();
  }
  return data;
}

std::shared_ptr<Buffer> BufferPool::allocate(size_t size) {
  size = rounded(std::max<size_t>(size, 1));
  void* data = nullptr;
  size_t block = size;
  bool cached = false;
  {
    std::lock_guard lock(mutex_);
    // A cached block up to a quarter larger than asked for is taken: sizes repeat from step to step.
    const auto found = cached_.lower_bound(size);
    if (found != cached_.end() && found->first <= size + size / 4) {
      block = found->first;
      data = found->second;
      cached = true;
      cached_.erase(found);
      cached_bytes_ -= block;
    }
  }
  if (!cached) {
    if (source_.cheap && size >= large_miss) release(large_miss / 4);
    data = take_from_source(size);
  }
  in_use_ += block;
  const size_t total = in_use_ + cached_bytes_;
  size_t peak = peak_;
  while (peak < total && !peak_.compare_exchange_weak(peak, total)) {
  }
  return std::make_shared<PooledBuffer>(data, block, [pool = shared_from_this()](void* p, size_t n) { pool->give_back(p, n); });
}

void BufferPool::give_back(void* data, size_t size) {
  std::lock_guard lock(mutex_);
  cached_.emplace(size, data);
  cached_bytes_ += size;
  in_use_ -= size;
}

void BufferPool::release(size_t at_least) {
  std::lock_guard lock(mutex_);
  const auto first = cached_.lower_bound(at_least);
  for (auto block = first; block != cached_.end(); ++block) {
    source_.give_back(block->second);
    cached_bytes_ -= block->first;
  }
  cached_.erase(first, cached_.end());
}

void BufferPool::reset_peak() { peak_ = in_use_ + cached_bytes_; }

}  // namespace imagent
