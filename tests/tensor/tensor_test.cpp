// Tensors as values, the pool, element types.
#include "tensor/tensor.h"

#include <cmath>
#include <limits>

#include "support/devices.h"
#include "tensor/counting_backend.h"

namespace imagent::test {
namespace {

TEST(BufferPool, GivesBlocksAgain) {
  const auto pool = BufferPool::create();
  void* first = pool->allocate(1000)->data;
  EXPECT_EQ(pool->allocate(1000)->data, first);
  EXPECT_EQ(pool->bytes_in_use(), 0u);
  const auto held = pool->allocate(900);  // within a quarter: the same block
  EXPECT_EQ(held->data, first);
  EXPECT_NE(pool->allocate(10)->data, first);
}

TEST(BufferPool, CountsWithoutMemory) {
  const auto pool = BufferPool::create(counted_blocks());
  const auto huge = pool->allocate(size_t{1} << 50);
  EXPECT_EQ(huge->data, nullptr);
  EXPECT_GE(pool->peak_bytes(), size_t{1} << 50);
}

TEST(BufferPool, TooMuchIsAnError) {
  try {
    BufferPool::create()->allocate(size_t{1} << 60);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind, ErrorKind::memory);
  }
}

TEST(Tensor, ViewsShareAndOwnersAreCounted) {
  Tensor x = upload(backend("reference"), {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  EXPECT_TRUE(x.sole_owner());
  const Tensor row = x.rows(1, 2);
  EXPECT_FALSE(x.sole_owner());
  EXPECT_EQ(download(row), (std::vector<float>{4, 5, 6}));
  EXPECT_TRUE(x.reshape({3, 2}).same_memory(x));
  EXPECT_THROW(x.reshape({4, 2}), Error);
  EXPECT_THROW(x.rows(1, 3), Error);
  const Tensor y = Tensor(x.like({2, 3})).reshape({6});
  EXPECT_TRUE(y.sole_owner());
}

TEST(Tensor, SizesBeyond64BitsAreRefused) {
  constexpr int64_t long_side = int64_t{1} << 32;
  CountingBackend counter;
  EXPECT_THROW(Tensor(counter, {1, long_side, long_side, 3}, DType::f32), Error);  // the product would wrap to 0
  EXPECT_EQ(Tensor(counter, {0, 8}, DType::f32).bytes(), 0u);
}

// An op may write into memory that nobody else sees, and only then.
TEST(Ops, NeverWriteWhatSomebodyElseSees) {
  Tensor x = upload(backend("reference"), {1, 4}, std::vector<float>{-1, 0, 1, 2});
  const Tensor kept = x;
  const Tensor y = unary(x, Act::relu);
  EXPECT_EQ(download(kept), (std::vector<float>{-1, 0, 1, 2}));
  EXPECT_FALSE(y.same_memory(kept));
  Tensor alone = upload(backend("reference"), {1, 4}, std::vector<float>{-1, 0, 1, 2});
  const void* memory = alone.data();
  EXPECT_EQ(unary(std::move(alone), Act::relu).data(), memory);
}

TEST(DType, HalvesRoundToNearestEven) {
  EXPECT_EQ(f32_to_f16(1.0f), 0x3c00);
  EXPECT_EQ(f32_to_f16(65504.0f), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(f32_to_f16(5.9604645e-8f), 1);
  EXPECT_EQ(f32_to_f16(2.9802322e-8f), 0);
  EXPECT_EQ(f32_to_bf16(1.00390625f), 0x3f80);  // half way: to even
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::nanf("")))));
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    if (!std::isnan(f16_to_f32(half))) {
      EXPECT_EQ(f32_to_f16(f16_to_f32(half)), half);
    }
    if (!std::isnan(bf16_to_f32(half))) {
      EXPECT_EQ(f32_to_bf16(bf16_to_f32(half)), half);
    }
  }
}

TEST(DType, SmallFloats) {
  EXPECT_EQ(f8_e4m3_to_f32(0x38), 1.0f);
  EXPECT_EQ(f8_e4m3_to_f32(0x7e), 448.0f);
  EXPECT_TRUE(std::isnan(f8_e4m3_to_f32(0x7f)));
  EXPECT_EQ(f8_e4m3_to_f32(0x01), 0x1p-9f);
  EXPECT_EQ(f8_e5m2_to_f32(0x3c), 1.0f);
  EXPECT_EQ(f8_e5m2_to_f32(0xfb), -57344.0f);
}

}  // namespace
}  // namespace imagent::test
