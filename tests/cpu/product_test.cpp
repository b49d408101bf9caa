// conv2d and linear of the CPU backend: against the plain loops, and the same bytes for every thread count and batch.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "cpu/cpu_backend.h"
#include "cpu/isa.h"

namespace imagent {
namespace {

// Even noise of variance scale^2.
std::vector<float> noise(int64_t count, uint32_t seed, float scale = 1) {
  uint64_t state = uint64_t{seed} << 40;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) {  // splitmix64
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    v = (static_cast<float>(z >> 40) / 8388608.0f - 1) * 1.7320508f * scale;
  }
  return values;
}

HostView view(Shape shape, uint32_t seed, float scale, DType dtype = DType::f32) {
  const auto values = noise(shape.numel(), seed, scale);
  const auto bytes = std::make_shared<std::vector<char>>(values.size() * size_of(dtype));
  if (dtype == DType::f64)
    std::copy(values.begin(), values.end(), reinterpret_cast<double*>(bytes->data()));
  else if (dtype == DType::f32)
    std::memcpy(bytes->data(), values.data(), bytes->size());
  else
    narrow_from_f32(dtype, values.data(), bytes->data(), values.size());
  return {dtype, shape, bytes->data(), bytes};
}

Tensor tensor(Backend& backend, Shape shape, DType dtype, uint32_t seed) {
  Tensor t(backend, shape, dtype);
  const auto values = noise(shape.numel(), seed);
  narrow_from_f32(dtype, values.data(), t.data(), values.size());
  return t;
}

std::vector<float> values(const Tensor& t) {
  std::vector<float> out(static_cast<size_t>(t.numel()));
  widen_to_f32(t.dtype(), t.data(), out.data(), out.size());
  return out;
}

struct Extra {
  bool bias = true, per_image = false, residual = false, in_place = false;
  Act act = Act::none;
};

struct Case {
  Shape x;           // [N,H,W,C] or [N,T,C]
  int64_t out;
  int kernel = 3, stride = 1;
  int top = 1, left = 1, bottom = 1, right = 1;
  Extra extra = {};
  DType weights = DType::f32;

  Conv2dParams params() const { return {stride, top, left, bottom, right}; }
  bool conv() const { return x.rank() == 4; }
  Shape y() const {
    Shape s = x;
    s[-1] = out;
    if (conv()) {
      s[1] = (x[1] + top + bottom - kernel) / stride + 1;
      s[2] = (x[2] + left + right - kernel) / stride + 1;
    }
    return s;
  }
};

// The verb on `backend`, for images [first, last) of the case's batch.
Tensor run(Backend& backend, const Case& c, DType dtype, int64_t first = 0, int64_t last = -1) {
  if (last < 0) last = c.x[0];
  const int64_t in = c.x[-1];
  const Shape weight_shape = c.conv() ? Shape{c.out, in, c.kernel, c.kernel} : Shape{c.out, in};
  const float scale = 1 / std::sqrt(static_cast<float>(weight_shape.numel() / c.out));
  const HostView weight = view(weight_shape, 2, scale, c.weights), bias = c.extra.bias ? view({c.out}, 3, 1, c.weights) : HostView{};
  const Packed w = c.conv() ? backend.pack_conv2d(weight, bias, dtype) : backend.pack_linear(weight, bias, dtype);
  EXPECT_EQ(w.in, in);
  EXPECT_EQ(w.out, c.out);
  EXPECT_EQ(w.dtype, dtype);
  EXPECT_GT(w.bytes, 0u);
  const Tensor x = tensor(backend, c.x, dtype, 1).rows(first, last);
  Epilogue e{.act = c.extra.act, .per_image = {}, .residual = {}};
  if (c.extra.per_image) e.per_image = tensor(backend, {c.x[0], c.out}, dtype, 4).rows(first, last);
  if (c.extra.residual) e.residual = tensor(backend, c.y(), dtype, 5).rows(first, last);
  Shape shape = c.y();
  shape[0] = last - first;
  Tensor y = c.extra.in_place ? e.residual : Tensor(backend, shape, dtype);
  if (c.conv())
    backend.conv2d(y, x, w, c.params(), e);
  else
    backend.linear(y, x, w, e);
  return y;
}

std::string describe(const Case& c, DType dtype) {
  return str(c.x, " -> ", c.out, " k", c.kernel, " s", c.stride, " pad ", c.top, c.left, c.bottom, c.right, ' ', name_of(dtype));
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      // linear: one row, odd depths and widths, more rows than a block
      {{1, 1}, 1}, {{2, 5}, 3}, {{1, 7}, 33}, {{3, 77, 40}, 24}, {{2, 300, 96}, 100}, {{1, 1, 320}, 1280}, {{2, 9, 1500}, 70},
      {{2, 4, 32}, 64, 1, 1, 0, 0, 0, 0, {.per_image = true, .residual = true, .act = Act::silu}},
      {{2, 5, 33}, 17, 1, 1, 0, 0, 0, 0, {.bias = false, .per_image = true, .residual = true, .in_place = true, .act = Act::gelu}, DType::f16},
      {{1, 6, 64}, 64, 1, 1, 0, 0, 0, 0, {.act = Act::quick_gelu}, DType::f64},
      // few channels
      {{1, 8, 8, 3}, 16}, {{2, 9, 7, 4}, 32}, {{1, 6, 5, 9}, 40}, {{1, 5, 5, 1}, 1}, {{1, 5, 4, 1}, 40}, {{1, 3, 3, 8}, 4, 3, 2},
      {{1, 16, 16, 3}, 20, 16, 16, 0, 0, 0, 0}, {{1, 6, 6, 3}, 5, 1, 1, 0, 0, 0, 0}, {{1, 9, 9, 5}, 7, 5, 1, 2, 2, 2, 2},
      // direct: toy widths, odd sizes, strides and paddings
      {{2, 7, 5, 16}, 16}, {{1, 8, 8, 24}, 24}, {{1, 9, 9, 32}, 4}, {{1, 8, 8, 32}, 32, 3, 2}, {{2, 7, 8, 32}, 48, 3, 2, 0, 0, 1, 1},
      {{1, 1, 1, 32}, 32}, {{1, 5, 6, 17}, 19}, {{1, 6, 6, 32}, 32, 5, 1, 2, 2, 2, 2}, {{1, 4, 4, 1280}, 1280},
      {{2, 4, 3, 32}, 40, 3, 1, 1, 1, 1, 1, {.per_image = true, .residual = true, .act = Act::silu}, DType::bf16},
      // winograd: odd sizes, strides and paddings, few outputs
      {{1, 8, 8, 64}, 64}, {{2, 7, 9, 64}, 96}, {{1, 1, 1, 64}, 64}, {{1, 2, 3, 128}, 3}, {{2, 33, 31, 64}, 40},
      {{1, 9, 8, 64}, 64, 3, 2}, {{2, 8, 9, 64}, 70, 3, 2, 0, 0, 1, 1}, {{1, 8, 8, 64}, 64, 3, 1, 0, 0, 0, 0}, {{1, 5, 5, 64}, 8, 3, 1, 2, 0, 1, 3},
      {{2, 6, 5, 96}, 64, 3, 1, 1, 1, 1, 1, {.per_image = true, .residual = true, .in_place = true, .act = Act::silu}, DType::f16},
      {{2, 5, 6, 64}, 33, 3, 2, 1, 1, 1, 1, {.bias = false, .per_image = true, .residual = true}},
      {{1, 12, 12, 64}, 64, 3, 3},
  };
  return all;
}

// Largest difference in units of the results' standard deviation (1 with these weights). Plain bf16 rounds results to 2^-9
// of their size, and Winograd's tiles and weights once more.
double tolerance(DType dtype) { return dtype == DType::f32 ? 2e-5 : 0.06; }

// Every way in which products can be computed here.
struct Way {
  Isa isa;
  Products products;
};
std::vector<Way> ways() {
  std::vector<Way> all{{best_isa(), Products::onednn}};
  for (Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512, Isa::avx512bf16})
    if (isa <= best_isa()) all.push_back({isa, Products::own});
  return all;
}
class CpuProducts : public testing::TestWithParam<Way> {
 protected:
  IsaScope scope_{GetParam().isa};
};
INSTANTIATE_TEST_SUITE_P(Ways, CpuProducts, testing::ValuesIn(ways()), [](const auto& info) {
  return info.param.products == Products::onednn ? std::string("onednn") : std::string(name_of(info.param.isa));
});

TEST_P(CpuProducts, AgreeWithThePlainLoops) {
  ReferenceBackend reference;
  CpuBackend backend(2, GetParam().products);
  for (DType dtype : {DType::f32, DType::bf16}) {
    if (!backend.supports(dtype)) continue;
    for (const Case& c : cases()) {
      SCOPED_TRACE(describe(c, dtype));
      const auto wanted = values(run(reference, c, dtype)), got = values(run(backend, c, dtype));
      double worst = 0;
      for (size_t i = 0; i < wanted.size(); ++i) {
        const double difference = std::abs(wanted[i] - got[i]);
        worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
      }
      EXPECT_LE(worst, tolerance(dtype));
    }
  }
  EXPECT_EQ(backend.reference_calls(), 0);
}

TEST_P(CpuProducts, SameBytesForEveryThreadCountAndBatch) {
  std::vector<Case> all = cases();
  for (const Case& real : std::vector<Case>{{{3, 64, 64, 64}, 64}, {{3, 16, 16, 320}, 640}, {{3, 8, 8, 640}, 2560}, {{3, 256, 320}, 2560}, {{3, 77, 768}, 320}})
    all.push_back(real);
  const Products products = GetParam().products;
  CpuBackend one(1, products), two(2, products), four(4, products);
  for (DType dtype : {DType::f32, DType::bf16}) {
    if (!one.supports(dtype)) continue;
    for (const Case& c : all) {
      SCOPED_TRACE(describe(c, dtype));
      const Tensor y = run(one, c, dtype);
      const std::string expected(y.as<char>(), y.bytes());
      for (CpuBackend* other : {&two, &four}) {
        const Tensor z = run(*other, c, dtype);
        EXPECT_TRUE(std::memcmp(z.data(), expected.data(), expected.size()) == 0) << other->threads() << " threads";
      }
      for (int64_t n = 0; n < c.x[0] && c.x[0] > 1; ++n) {
        const Tensor z = run(two, c, dtype, n, n + 1);
        EXPECT_TRUE(std::memcmp(z.data(), expected.data() + n * z.bytes(), z.bytes()) == 0) << "image " << n;
      }
    }
  }
}

}  // namespace
}  // namespace imagent
