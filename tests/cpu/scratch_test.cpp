// Aligned memory: what it promises of addresses, and that large blocks go back to the system.
#include "cpu/scratch.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/error.h"

namespace imagent::cpu {
namespace {

TEST(AlignedMemory, IsAlignedAndWholeForAllSizes) {
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{1000}, size_t{262143}, size_t{262145}, size_t{4} << 20, (size_t{9} << 20) + 1}) {
    const AlignedMemory memory(bytes);
    ASSERT_GE(memory.bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.data()) % 64, 0u);
    std::memset(memory.data(), 7, memory.bytes());
    EXPECT_EQ(static_cast<const char*>(memory.data())[memory.bytes() - 1], 7);
  }
}

TEST(AlignedMemory, LargeBlocksGoBackToTheSystem) {
  for (const size_t bytes : {size_t{1} << 20, size_t{8} << 20}) {
    AlignedMemory memory(bytes);
    void* const start = memory.data();
    EXPECT_EQ(msync(start, 4096, MS_ASYNC), 0);
    memory = AlignedMemory();
    EXPECT_EQ(msync(start, 4096, MS_ASYNC), -1);
    EXPECT_EQ(errno, ENOMEM);
  }
}

TEST(AlignedMemory, MoreThanThereIsIsAnError) {
  try {
    AlignedMemory memory(size_t{1} << 60);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::memory);
  }
}

}  // namespace
}  // namespace imagent::cpu
