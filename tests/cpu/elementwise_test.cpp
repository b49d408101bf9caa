// Elementwise kernels of every instruction set: against PyTorch's results and plain double functions.
#include <limits>

#include "kernel_test.h"
#include "tensor/embed_rows.h"

namespace imagent::test {
namespace {

double exact(Act act, double x) {
  switch (act) {
    case Act::none: return x;
    case Act::silu: return x / (1 + std::exp(-x));
    case Act::gelu: return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Act::gelu_tanh: return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Act::quick_gelu: return x / (1 + std::exp(-1.702 * x));
    case Act::relu: return std::max(x, 0.0);
    case Act::leaky_relu: return x < 0 ? 0.2 * x : x;
    case Act::tanh: return std::tanh(x);
  }
  return x;
}
constexpr Act acts[] = {Act::none, Act::silu, Act::gelu, Act::gelu_tanh, Act::quick_gelu, Act::relu, Act::leaky_relu, Act::tanh};

struct ElementwiseKernels : OnEveryIsa {
  Tensor unary(const Tensor& x, Act act) {
    Tensor y = x.like(x.shape());
    cpu::unary(pool, y, x, act);
    return y;
  }
};

TEST_P(ElementwiseKernels, AgreeWithPyTorch) {
  const std::map<std::string, Act> named{{"silu", Act::silu}, {"gelu_erf", Act::gelu}, {"gelu_tanh", Act::gelu_tanh}, {"quick_gelu", Act::quick_gelu}};
  size_t ran = 0;
  for (const auto& c : component_cases("ops")) {
    const auto act = named.find(c["op"]);
    if (act == named.end()) continue;
    const Arrays a(golden("components/" + c["file"].get<std::string>()));
    EXPECT_LE(max_abs_difference(values_of(unary(tensor(a["x"]), act->second)), a["out"].values), golden_limit(c)) << c["file"];
    ++ran;
  }
  EXPECT_EQ(ran, named.size());
}

TEST_P(ElementwiseKernels, ActivationsAreExactToTheirDtype) {
  std::vector<float> points;
  for (float x = -30; x < 30; x += 0.0137f) points.push_back(x);
  points.insert(points.end(), {0.0f, -0.0f, 1e-30f, -1e-4f, 88.5f, -88.5f, 1e4f, -1e4f, 1e30f, -1e30f});
  const auto count = static_cast<int64_t>(points.size());
  for (DType dtype : {DType::f32, DType::bf16})
    for (Act act : acts) {
      const Tensor x = tensor({count}, points, dtype);
      const std::vector<float> in = values_of(x), out = values_of(unary(x, act));
      for (size_t i = 0; i < in.size(); ++i) {
        const double truth = exact(act, in[i]), unit = dtype == DType::f32 ? 2e-7 : 1.0 / 256;
        ASSERT_NEAR(out[i], truth, 1e-6 + 2 * unit * std::abs(truth)) << name_of(dtype) << " act " << static_cast<int>(act) << " at " << in[i];
      }
    }
}

TEST_P(ElementwiseKernels, ANanStaysOne) {
  const Tensor x = tensor({3}, {1, std::numeric_limits<float>::quiet_NaN(), 2});
  for (Act act : acts) EXPECT_TRUE(std::isnan(values_of(unary(x, act))[1])) << static_cast<int>(act);
}

TEST_P(ElementwiseKernels, GegluAndWeightedSums) {
  for (DType dtype : {DType::f32, DType::bf16})
    for (int width : {1, 7, 16, 48, 129}) {
      const double unit = dtype == DType::f32 ? 1e-6 : 1.0 / 128;
      const Tensor x = random_tensor({3, 5, 2 * width}, dtype, 1, 0, 2);
      Tensor y = x.like({3, 5, width});
      cpu::geglu(pool, y, x);
      const std::vector<float> in = values_of(x), out = values_of(y);
      for (int i = 0; i < 15 * width; ++i) {
        const double value = in[i / width * 2 * width + i % width], truth = value * exact(Act::gelu, in[i / width * 2 * width + width + i % width]);
        ASSERT_NEAR(out[i], truth, unit * (1 + std::abs(value) + std::abs(truth)));  // gelu itself is right to 1e-6
      }

      const Tensor z = random_tensor(x.shape(), dtype, 2);
      Tensor sum = x.like(x.shape());
      cpu::axpby(pool, sum, {0.7f, x, -2.5f, z});
      const std::vector<float> zs = values_of(z), sums = values_of(sum);
      for (size_t i = 0; i < in.size(); ++i) ASSERT_NEAR(sums[i], 0.7 * in[i] - 2.5 * zs[i], unit * (1 + std::abs(sums[i])));
    }
}

TEST_P(ElementwiseKernels, CopiesAreExact) {
  ReferenceBackend reference;
  for (DType dtype : {DType::f32, DType::bf16}) {
    const std::vector<Tensor> parts{random_tensor({2, 3, 3, 5}, dtype, 1), random_tensor({2, 3, 3, 1}, dtype, 2), random_tensor({2, 3, 3, 16}, dtype, 3)};
    Tensor y = parts[0].like({2, 3, 3, 22}), expected = y.like(y.shape());
    cpu::concat_channels(pool, y, parts);
    reference.concat_channels(expected, parts);
    EXPECT_EQ(bytes_of(y), bytes_of(expected));

    for (const Shape& shape : {Shape{2, 6, 6, 5}, Shape{2, 5, 7, 5}, Shape{2, 3, 3, 5}}) {
      Tensor large = parts[0].like(shape), large_expected = large.like(shape);
      cpu::upsample_nearest(pool, large, parts[0]);
      reference.upsample_nearest(large_expected, parts[0]);
      EXPECT_EQ(bytes_of(large), bytes_of(large_expected));
    }
  }
}

TEST_P(ElementwiseKernels, CastAndEmbedRoundToNearest) {
  for (DType from : {DType::f32, DType::bf16, DType::f16})
    for (DType to : {DType::f32, DType::bf16, DType::f16}) {
      const Tensor x = random_tensor({3001}, from, 4);
      Tensor y(memory(), x.shape(), to);
      cpu::cast(pool, y, x);
      EXPECT_EQ(bytes_of(y), bytes_of(tensor(x.shape(), values_of(x), to))) << name_of(from) << " to " << name_of(to);

      if (to == DType::f16) continue;
      const Tensor table = random_tensor({10, 37}, from, 5);
      const std::vector<int32_t> ids{9, 0, 3, 3};
      Tensor rows(memory(), {4, 37}, to);
      embed_rows({from, table.shape(), table.data(), nullptr}, ids, rows.dtype(), rows.data());
      for (int i = 0; i < 4; ++i) {
        const Tensor row = table.rows(ids[i], ids[i] + 1);
        EXPECT_EQ(bytes_of(rows.rows(i, i + 1)), bytes_of(tensor(row.shape(), values_of(row), to)));
      }
    }
}

IMAGENT_ON_EVERY_ISA(ElementwiseKernels);

}  // namespace
}  // namespace imagent::test
