// A block of device memory, and the pool that hands blocks out again: from the second step of a run on nothing is allocated.
#pragma once
#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

namespace imagent {

struct Buffer {
  void* data = nullptr;  // device address; a backend that is no host keeps its handle here
  size_t size = 0;

  Buffer(void* data, size_t size) : data(data), size(size) {}
  virtual ~Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
};

// Host memory, 64-byte aligned (large blocks on huge pages where the system has them). Freed blocks are kept and given
// to the next request that fits; release() returns them to the system. Thread-safe.
class HostPool : public std::enable_shared_from_this<HostPool> {
 public:
  // count_only: blocks have sizes but no memory, to foresee what a run would hold.
  enum class Mode { real, count_only };
  static std::shared_ptr<HostPool> create(Mode mode = Mode::real) { return std::shared_ptr<HostPool>(new HostPool(mode)); }
  ~HostPool();

  // Uninitialised memory. Errors: memory, with the numbers.
  std::shared_ptr<Buffer> allocate(size_t size);
  void release(size_t at_least = 0);  // frees the cached blocks of that size and more

  size_t bytes_in_use() const { return in_use_; }
  size_t peak_bytes() const { return peak_; }   // largest sum of blocks in use and cached
  void reset_peak();

 private:
  explicit HostPool(Mode mode) : mode_(mode) {}
  void* take_from_system(size_t size);
  void give_back(void* data, size_t size);

  const Mode mode_;
  std::mutex mutex_;
  std::multimap<size_t, void*> cached_;
  std::atomic<size_t> in_use_ = 0, cached_bytes_ = 0, peak_ = 0;
};

}  // namespace imagent
