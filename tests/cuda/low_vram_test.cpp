// Weights that stay with the host where the card has no room for them.
#include <gtest/gtest.h>

#include "emulated_backend.h"
#include "ops/ops.h"
#include "support/golden.h"

namespace imagent::test {
namespace {

constexpr int64_t width = 512;
constexpr size_t matrix_bytes = width * width * 4;

// Layers of 1 MiB.
struct Layers {
  std::vector<Packed> packed;

  Layers(Backend& backend, int count, unsigned seed, bool owned = true) {
    for (int layer = 0; layer < count; ++layer) {
      const auto values = std::make_shared<std::vector<float>>(width * width);
      for (size_t i = 0; i < values->size(); ++i) (*values)[i] = static_cast<float>((i * 37 + seed + static_cast<unsigned>(layer) * 11) % 101) / 1000 - 0.05f;
      packed.push_back(backend.pack_linear({DType::f32, {width, width}, values->data(), owned ? values : nullptr}, {}, DType::f32));
    }
  }
  std::vector<float> operator()(Backend& backend) const {
    Tensor x = upload(backend, {1, width}, std::vector<float>(width, 1));
    for (const Packed& layer : packed) x = linear(x, layer);
    return download(x);
  }
};

// Bytes of weights that come to the card while it computes.
size_t sent(cuda::CudaBackend& backend, const Layers& layers) {
  const size_t before = emulation::bytes_sent;
  layers(backend);
  return emulation::bytes_sent - before - width * 4;
}

struct LowVram : testing::Test {
  cuda::CudaBackend roomy, backend{{.low_vram = true}};
  const std::vector<float> expected = Layers(roomy, 12, 1)(roomy);
  const Layers model{backend, 12, 1};
};

TEST_F(LowVram, WeightsComeWhenTheyAreWanted) {
  const size_t before = emulation::memory_used;
  EXPECT_EQ(model.packed[0].bytes, 0u);
  EXPECT_EQ(model(backend), expected);
  EXPECT_GT(emulation::memory_used, before + 12 * matrix_bytes - 1);
  EXPECT_EQ(sent(backend, model), 0u) << "there is room: they stay";
}

TEST_F(LowVram, AModelLargerThanTheCardIsComputedAllTheSame) {
  const Set small(emulation::memory_limit, emulation::memory_used + 5 * matrix_bytes + (size_t{1} << 18));
  for (int pass = 0; pass < 3; ++pass) EXPECT_EQ(model(backend), expected) << pass;
  EXPECT_LE(emulation::memory_used, emulation::memory_limit);
  EXPECT_LE(sent(backend, model), 8 * matrix_bytes) << "what there is room for stays from pass to pass";
}

TEST_F(LowVram, ThePartThatIsInUseStays) {
  const Layers other(backend, 4, 7);
  const Set small(emulation::memory_limit, emulation::memory_used + 12 * matrix_bytes + (size_t{1} << 18));
  other(backend);
  for (int pass = 0; pass < 3; ++pass) EXPECT_EQ(model(backend), expected) << pass;
  EXPECT_EQ(sent(backend, model), 0u) << "all of it fits once the other part has left";
}

TEST_F(LowVram, WhatIsComputedHasPrecedence) {
  const Set small(emulation::memory_limit, emulation::memory_used + 13 * matrix_bytes);
  EXPECT_EQ(model(backend), expected);
  {
    const Tensor large(backend, {10, width, width}, DType::f32);
    EXPECT_EQ(model(backend), expected);
    EXPECT_EQ(error_of([&] { Tensor(backend, {20, width, width}, DType::f32); }).kind, ErrorKind::memory);
  }
  EXPECT_EQ(model(backend), expected);
}

TEST_F(LowVram, ViewsThatNobodyKeepsAreReadAtOnce) {
  const size_t before = emulation::bytes_sent;
  const Layers now(backend, 2, 3, false);
  EXPECT_EQ(emulation::bytes_sent - before, 2 * matrix_bytes);
  EXPECT_EQ(now.packed[0].bytes, matrix_bytes);
  EXPECT_EQ(now(backend), Layers(roomy, 2, 3)(roomy));
}

TEST_F(LowVram, WhatCanLeaveIsAvailable) {
  const size_t available = backend.available_bytes();
  model(backend);
  backend.release_cached();
  EXPECT_EQ(backend.available_bytes(), available);
  EXPECT_TRUE(backend.swaps_weights());
  EXPECT_FALSE(roomy.swaps_weights());
}

}  // namespace
}  // namespace imagent::test
