// Aligned memory and the working memory of threads.
#include "cpu/scratch.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.h"

namespace imagent::cpu {
namespace {

constexpr size_t huge_page = size_t{2} << 20;
thread_local AlignedMemory block;

}  // namespace

AlignedMemory::AlignedMemory(size_t bytes) {
  const size_t alignment = bytes >= 2 * huge_page ? huge_page : 64;
  bytes_ = (std::max<size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  data_.reset(std::aligned_alloc(alignment, bytes_));
  check(data_ != nullptr, ErrorKind::memory, "out of memory: ", (bytes_ >> 20) + 1, " MiB for packed weights or working memory");
  if (alignment == huge_page) madvise(data_.get(), bytes_, MADV_HUGEPAGE);
}

void AlignedMemory::Free::operator()(void* p) const { std::free(p); }

Scratch::Scratch(size_t bytes) {
  if (block.bytes() >= bytes) return;
  block = AlignedMemory();  // first free, then allocate
  block = AlignedMemory(bytes);
}

void* Scratch::take_bytes(size_t bytes) {
  void* piece = static_cast<char*>(block.data()) + used_;
  used_ += (bytes + 63) / 64 * 64;
  check(used_ <= block.bytes(), "scratch: ", used_, " bytes taken of ", block.bytes());
  return piece;
}

}  // namespace imagent::cpu
