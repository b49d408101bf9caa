// Every verb of the CUDA backend on a card, emulated or real, against the plain loops: shapes that leave remainders, every dtype, every
// epilogue, memory that nobody wrote, and threads taking turns in order and out of it.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "cuda/card.h"
#include "ops/ops.h"
#include "reference/reference_backend.h"
#include "support/golden.h"

namespace imagent::test {
namespace {

std::vector<float> numbers(int64_t count, unsigned seed, float mean = 0) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(mean, 1);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = normal(engine);
  return values;
}

// Tensors and weights of one backend, the same numbers on each. `shift` elements lie before each tensor in its memory.
struct Maker {
  Backend& backend;
  DType dtype;
  int64_t shift = 0;

  Tensor tensor(Shape shape, unsigned seed, float mean = 0) const {
    const int64_t row = shape.numel() / std::max<int64_t>(shape[0], 1);
    if (shift == 0 || row == 0) return cast(upload(backend, shape, numbers(shape.numel(), seed, mean)), dtype);
    std::vector<float> values(static_cast<size_t>(row * shift), NAN);
    const std::vector<float> own = numbers(shape.numel(), seed, mean);
    values.insert(values.end(), own.begin(), own.end());
    Shape longer = shape;
    longer[0] += shift;
    return cast(upload(backend, longer, values), dtype).rows(shift, longer[0]);
  }
  NormParams norm(int64_t channels) const { return {upload(backend, {channels}, numbers(channels, 7, 1)), upload(backend, {channels}, numbers(channels, 8)), 1e-5f}; }
  HostView view(Shape shape, unsigned seed, float scale, DType type) const {
    const auto bytes = std::make_shared<std::vector<char>>(static_cast<size_t>(shape.numel()) * size_of(type));
    std::vector<float> values = numbers(shape.numel(), seed);
    for (float& value : values) value *= scale;
    if (type == DType::f64)
      std::copy(values.begin(), values.end(), reinterpret_cast<double*>(bytes->data()));
    else
      narrow_from_f32(type, values.data(), bytes->data(), values.size());
    return {type, shape, bytes->data(), bytes};
  }
};

struct Verbs : testing::TestWithParam<std::tuple<DType, unsigned>> {
  DType dtype = std::get<0>(GetParam());
  void SetUp() override { set_disorder(std::get<1>(GetParam())); }
  void TearDown() override { set_disorder(0); }

  // f32: sums in another order; else one rounding of results around 4 and one of what they are made of.
  double limit() const { return dtype == DType::f32 ? 2e-5 : dtype == DType::f16 ? 0.01 : 0.08; }

  // The same calls on both backends.
  template <class Call>
  void agrees(const Call& call, const std::string& what, double limit) {
    ReferenceBackend reference;
    for (const int64_t shift : {0, 1}) {
      const std::vector<float> expected = download(call(Maker{reference, dtype, shift})), got = download(call(Maker{card(), dtype, shift}));
      EXPECT_LE(max_abs_difference(expected, got), limit) << what << " after " << shift << " rows";
    }
  }
  template <class Call>
  void agrees(const Call& call, const std::string& what) {
    agrees(call, what, limit());
  }
};

TEST_P(Verbs, Elementwise) {
  for (const int64_t width : {1, 5, 8, 24, 300}) {
    const Shape shape{3, 7, width};
    for (const Act act : {Act::none, Act::silu, Act::gelu, Act::gelu_tanh, Act::quick_gelu, Act::relu, Act::leaky_relu, Act::tanh})
      agrees([&](const Maker& m) { return unary(m.tensor(shape, 1), act); }, str("unary ", static_cast<int>(act), ' ', shape));
    agrees([&](const Maker& m) { return geglu(m.tensor({3, 7, 2 * width}, 1)); }, str("geglu ", shape));
    agrees([&](const Maker& m) { return axpby(0.5f, m.tensor(shape, 1), -2, m.tensor(shape, 2)); }, str("axpby ", shape));
    agrees([&](const Maker& m) {
      const Tensor x = m.tensor(shape, 1);
      return axpby(1, x, 1, x);
    }, str("axpby of itself ", shape));
    agrees([&](const Maker& m) { return scale_pixels(m.tensor(shape, 1), upload(m.backend, {7}, numbers(7, 2))); }, str("scale_pixels ", shape));
    for (const DType to : {DType::f32, DType::f16, DType::bf16})
      agrees([&](const Maker& m) { return cast(m.tensor(shape, 1), to); }, str("cast ", shape), 0);
  }
}

TEST_P(Verbs, MovingElements) {
  for (const auto& widths : {std::array<int64_t, 3>{8, 16, 8}, {1, 3, 2}, {8, 4, 4}, {300, 20, 1}}) {
    const int64_t a = widths[0], b = widths[1], c = widths[2];
    agrees([&](const Maker& m) { return concat_channels(std::array{m.tensor({2, 3, 5, a}, 1), m.tensor({2, 3, 5, b}, 2), m.tensor({2, 3, 5, c}, 3)}); }, str("concat ", a), 0);
    agrees([&](const Maker& m) { return concat_rows(std::array{m.tensor({2, a}, 1), m.tensor({1, a}, 2)}); }, str("concat_rows ", a), 0);
    agrees([&](const Maker& m) { return upsample_nearest(m.tensor({2, 4, 5, a}, 1), 8, 10); }, str("upsample ", a), 0);
    agrees([&](const Maker& m) { return upsample_nearest(m.tensor({1, 4, 5, b}, 1), 7, 9); }, str("upsample ", b), 0);
    agrees([&](const Maker& m) { return wrap(m.tensor({2, 4, 3, a}, 1), {.top = 2, .left = 1, .bottom = 5, .right = 4}); }, str("wrap ", a), 0);
  }
}

TEST_P(Verbs, Norms) {
  struct Case {
    int64_t pixels, channels;
    int groups;
  };
  for (const Case& c : {Case{1, 32, 8}, {7, 5, 5}, {40, 20, 4}, {900, 96, 32}, {33, 320, 32}, {300, 8, 1}, {20, 2560, 32}, {17, 33, 3}, {40, 2052, 4}, {33, 640, 640}}) {
    agrees([&](const Maker& m) { return group_norm(m.tensor({2, c.pixels, c.channels}, 1, 3), m.norm(c.channels), c.groups, Act::silu); },
           str("group_norm ", c.pixels, 'x', c.channels), 2 * limit());
    agrees([&](const Maker& m) { return group_statistics(m.tensor({2, c.pixels, c.channels}, 1, 3), c.groups); }, str("group_statistics ", c.pixels, 'x', c.channels), 2e-5);
    agrees([&](const Maker& m) { return layer_norm(m.tensor({2, c.pixels, c.channels}, 1, 3), m.norm(c.channels)); }, str("layer_norm ", c.channels), 2 * limit());
    agrees([&](const Maker& m) {
      NormParams p = m.norm(c.channels);
      p.statistics = upload(m.backend, {c.groups, 2}, std::vector<float>(static_cast<size_t>(2 * c.groups), 0.7f));
      return group_norm(m.tensor({2, c.pixels, c.channels}, 1), p, c.groups);
    }, "group_norm with given statistics", 2 * limit());
  }
}

// More pixels than chunks: every chunk has several.
TEST_P(Verbs, NormsOfLargePictures) {
  agrees([&](const Maker& m) { return group_statistics(m.tensor({1, 40000, 12}, 1, 50), 4); }, "group_statistics of many pixels", dtype == DType::f32 ? 2e-4 : 1e-3);
}

// act and residual apart, together, and where the residual's memory is the output's.
std::vector<std::tuple<Act, bool, bool>> epilogues() { return {{Act::none, false, false}, {Act::none, false, true}, {Act::silu, true, false}, {Act::gelu, true, true}, {Act::none, true, true}}; }

TEST_P(Verbs, Linear) {
  struct Case {
    Shape x;
    int64_t out;
  };
  for (const Case& c : {Case{{1, 1}, 1}, {{2, 5}, 3}, {{3, 7, 40}, 24}, {{2, 3, 3, 33}, 17}, {{2, 20, 64}, 128}})
    for (const auto& [act, per_image, residual] : epilogues())
      for (const bool in_place : {false, true}) {
        const auto call = [&, act = act, per_image = per_image, residual = residual](const Maker& m) {
          const int64_t in = c.x[-1];
          Shape shape = c.x;
          shape[-1] = c.out;
          const Packed w = m.backend.pack_linear(m.view({c.out, in}, 2, 1 / std::sqrt(static_cast<float>(in)), DType::f16), m.view({c.out}, 3, 1, DType::f64), m.dtype);
          Epilogue e{.act = act, .per_image = per_image ? m.tensor({c.x[0], c.out}, 4) : Tensor(), .residual = residual ? m.tensor(shape, 5) : Tensor()};
          const Tensor kept = in_place ? Tensor() : e.residual;
          return linear(m.tensor(c.x, 1), w, std::move(e));
        };
        agrees(call, str("linear ", c.x, " to ", c.out, " act ", static_cast<int>(act)), 2 * limit());
      }
}

TEST_P(Verbs, Conv2d) {
  struct Case {
    Shape x;
    int64_t out;
    int kernel = 3;
    Conv2dParams p = Conv2dParams::same(3);
  };
  for (const Case& c : {Case{{1, 8, 8, 3}, 16}, {{2, 7, 5, 16}, 8}, {{2, 7, 8, 8}, 9, 3, {2, 0, 0, 1, 1}}, {{1, 6, 6, 3}, 5, 1, {}}, {{1, 6, 6, 8}, 5, 1, {2, 0, 0, 0, 0}},
                        {{1, 1, 1, 16}, 4}, {{1, 16, 16, 3}, 20, 16, {16, 0, 0, 0, 0}}, {{2, 5, 5, 16}, 16, 3, {1, 2, 0, 1, 3}}})
    for (const auto& [act, per_image, residual] : epilogues())
      for (const bool in_place : {false, true}) {
        const auto call = [&, act = act, per_image = per_image, residual = residual](const Maker& m) {
          const int64_t in = c.x[3], height = (c.x[1] + c.p.pad_top + c.p.pad_bottom - c.kernel) / c.p.stride + 1;
          const int64_t width = (c.x[2] + c.p.pad_left + c.p.pad_right - c.kernel) / c.p.stride + 1;
          const float scale = 1 / std::sqrt(static_cast<float>(in * c.kernel * c.kernel));
          const HostView bias = act == Act::silu ? HostView{} : m.view({c.out}, 3, 1, DType::f32);
          const Packed w = m.backend.pack_conv2d(m.view({c.out, in, c.kernel, c.kernel}, 2, scale, DType::bf16), bias, m.dtype);
          Epilogue e{.act = act, .per_image = per_image ? m.tensor({c.x[0], c.out}, 4) : Tensor(), .residual = residual ? m.tensor({c.x[0], height, width, c.out}, 5) : Tensor()};
          const Tensor kept = in_place ? Tensor() : e.residual;
          return conv2d(m.tensor(c.x, 1), w, c.p, std::move(e));
        };
        agrees(call, str("conv2d ", c.x, " to ", c.out, " k", c.kernel, " act ", static_cast<int>(act)), 2 * limit());
      }
}

TEST_P(Verbs, Attention) {
  struct Case {
    int64_t images, queries, keys;
    int heads;
    int64_t width;
    bool causal = false;
  };
  for (const Case& c : {Case{1, 1, 1, 1, 1}, {2, 19, 50, 2, 5}, {2, 20, 7, 3, 8}, {1, 6, 300, 1, 16}, {2, 30, 30, 2, 8, true}, {1, 1, 1, 2, 4, true}})
    agrees([&](const Maker& m) {
      const int64_t channels = c.heads * c.width;
      return attention(m.tensor({c.images, c.queries, channels}, 1), m.tensor({c.images, c.keys, channels}, 2), m.tensor({c.images, c.keys, channels}, 3), c.heads, c.causal);
    }, str("attention ", c.queries, " x ", c.keys, " x ", c.width));
}

TEST_P(Verbs, Embed) {
  for (const DType type : {DType::f32, DType::f16, DType::bf16})
    agrees([&](const Maker& m) {
      const std::vector<int32_t> ids{9, 0, 3, 3};
      return embed(m.backend, ids, m.backend.pack_table(m.view({10, 37}, 1, 1, type), m.dtype), {1, 4, 37});
    }, "embed", 0);
}

TEST_P(Verbs, NothingOfNothing) {
  agrees([&](const Maker& m) { return unary(m.tensor({0, 8}, 1), Act::silu); }, "unary");
  agrees([&](const Maker& m) { return layer_norm(m.tensor({0, 8}, 1), m.norm(8)); }, "layer_norm");
  agrees([&](const Maker& m) { return group_norm(m.tensor({0, 4, 8}, 1), m.norm(8), 2); }, "group_norm");
}

INSTANTIATE_TEST_SUITE_P(DTypes, Verbs, testing::Combine(testing::Values(DType::f32, DType::f16, DType::bf16), testing::Values(0u, 1u)), [](const auto& info) {
  return std::string(name_of(std::get<0>(info.param))) + (std::get<1>(info.param) ? "_in_disorder" : "_in_order");
});

}  // namespace
}  // namespace imagent::test
