// A block of device memory, and the pool that hands blocks out again: from the second step of a run on nothing is allocated.
#pragma once
#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace imagent {

struct Buffer {
  void* data = nullptr;  // device address; a backend that is no host keeps its handle here
  size_t size = 0;

  Buffer(void* data, size_t size) : data(data), size(size) {}
  virtual ~Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
};

// Where a pool's blocks come from and go back to.
struct BlockSource {
  std::function<bool(size_t size, void*& data)> take;  // false: there is no more
  std::function<void(void* data)> give_back;
  std::function<bool()> make_room = {};                // gives back what others keep, when there is no more; false: nobody keeps any
  bool cheap = true;                                   // blocks come and go at no cost worth saving
  bool returns_when_short = true;                      // false: recorded work goes on using freed blocks, they are returned by release() alone
};
BlockSource host_blocks();     // 64-byte aligned (large blocks on huge pages where the system has them)
BlockSource counted_blocks();  // sizes without memory, to foresee what a run would hold

// Freed blocks are kept and given to the next request that fits; release() returns them to their source. Every device's
// pool is this one, so that a pool of counted blocks foretells each of them. Thread-safe.
class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  static std::shared_ptr<BufferPool> create(BlockSource source = host_blocks()) { return std::shared_ptr<BufferPool>(new BufferPool(std::move(source))); }
  ~BufferPool();

  // Uninitialised memory. Errors: memory, with the numbers.
  std::shared_ptr<Buffer> allocate(size_t size);
  void release(size_t at_least = 0);  // frees the cached blocks of that size and more

  size_t bytes_in_use() const { return in_use_; }
  size_t bytes_cached() const { return cached_bytes_; }
  size_t peak_bytes() const { return peak_; }   // largest sum of blocks in use and cached
  void reset_peak();

 private:
  explicit BufferPool(BlockSource source) : source_(std::move(source)) {}
  void* take_from_source(size_t size);
  void give_back(void* data, size_t size);

  const BlockSource source_;
  std::mutex mutex_;
  std::multimap<size_t, void*> cached_;
  std::atomic<size_t> in_use_ = 0, cached_bytes_ = 0, peak_ = 0;
};

}  // namespace imagent
