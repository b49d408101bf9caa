// A processor with as much memory for tensors as a test allows, which notes how much was wanted.
#pragma once
#include <algorithm>
#include <limits>

#include "base/error.h"
#include "cpu/cpu_backend.h"

namespace imagent::test {

class SmallBackend : public CpuBackend {
 public:
  SmallBackend() : CpuBackend(1) {}  // what is held at the same time does not depend on threads

  std::shared_ptr<Buffer> allocate(size_t bytes) override {
    const size_t wanted = pool_->bytes_in_use() + bytes;
    check(wanted <= limit, ErrorKind::memory, "out of memory: ", wanted, " bytes are wanted, there are ", limit);
    most = std::max(most, wanted);
    return pool_->allocate(bytes);
  }
  void release_cached() override { pool_->release(); }

  // Bytes that `work` wants at its largest moment beside those that are in use before it.
  template <class Work>
  size_t wanted_by(const Work& work) {
    const size_t before = in_use();
    most = 0;
    work();
    return most - before;
  }
  size_t in_use() const { return pool_->bytes_in_use(); }

  size_t limit = std::numeric_limits<size_t>::max();
  size_t most = 0;

 private:
  std::shared_ptr<BufferPool> pool_ = BufferPool::create();
};

}  // namespace imagent::test
