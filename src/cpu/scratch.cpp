// Aligned memory and the working memory of threads.
#include "cpu/scratch.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/error.h"

namespace imagent::cpu {
namespace {

constexpr size_t page = 4096, own_pages = size_t{256} << 10, huge_page = size_t{2} << 20;
thread_local AlignedMemory block;

// Whole pages at an address that is a multiple of `alignment`; nullptr when there are none.
void* map_pages(size_t bytes, size_t alignment) {
  const size_t more = alignment > page ? alignment : 0;
  void* const mapped = mmap(nullptr, bytes + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  char* const start = static_cast<char*>(mapped);
  const size_t before = (alignment - reinterpret_cast<uintptr_t>(start) % alignment) % alignment;
  if (before > 0) munmap(start, before);
  if (more > before) munmap(start + before + bytes, more - before);
  return start + before;
}

}  // namespace

AlignedMemory::AlignedMemory(size_t bytes) {
  const size_t alignment = bytes >= 2 * huge_page ? huge_page : bytes >= own_pages ? page : 64;
  bytes_ = (std::max<size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  if (alignment == 64)
    data_.reset(std::aligned_alloc(alignment, bytes_));
  else
    data_ = {map_pages(bytes_, alignment), Free(bytes_)};
  check(data_ != nullptr, ErrorKind::memory, "out of memory: ", (bytes_ >> 20) + 1, " MiB for packed weights or working memory");
  if (alignment == huge_page) madvise(data_.get(), bytes_, MADV_HUGEPAGE);
}

void AlignedMemory::Free::operator()(void* p) const { mapped ? static_cast<void>(munmap(p, mapped)) : std::free(p); }

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
