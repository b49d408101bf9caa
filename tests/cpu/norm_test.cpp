// Norm kernels of every instruction set: against PyTorch's results, plain sums in double, and themselves.
#include "kernel_test.h"

namespace imagent::test {
namespace {

double activated(Act act, double x) { return act == Act::silu ? x / (1 + std::exp(-x)) : x; }

// x [images, pixels, channels]; a layer norm is a group norm of one group with every row an image.
std::vector<float> exact(const Tensor& x, const NormParams& p, int64_t images, int groups, Act act) {
  std::vector<float> values = values_of(x);
  const std::vector<float> gamma = values_of(p.gamma), beta = values_of(p.beta);
  const int64_t channels = x.dim(-1), pixels = x.numel() / images / channels, width = channels / groups;
  for (int64_t n = 0; n < images; ++n)
    for (int64_t g = 0; g < groups; ++g) {
      const auto at = [&](int64_t i) -> float& { return values[static_cast<size_t>((n * pixels + i / width) * channels + g * width + i % width)]; };
      double mean = 0, variance = 0;
      for (int64_t i = 0; i < pixels * width; ++i) mean += at(i) / static_cast<double>(pixels * width);
      for (int64_t i = 0; i < pixels * width; ++i) variance += (at(i) - mean) * (at(i) - mean) / static_cast<double>(pixels * width);
      const double scale = 1 / std::sqrt(variance + static_cast<double>(p.eps));
      for (int64_t i = 0; i < pixels * width; ++i) {
        const auto c = static_cast<size_t>(g * width + i % width);
        at(i) = static_cast<float>(activated(act, (at(i) - mean) * scale * gamma[c] + beta[c]));
      }
    }
  return values;
}

NormParams params(int64_t channels) {
  return {random_tensor({channels}, DType::f32, 7, 1, 0.2f), random_tensor({channels}, DType::f32, 8), 1e-5f};
}

struct NormKernels : OnEveryIsa {
  Tensor group_norm(cpu::ThreadPool& threads, const Tensor& x, const NormParams& p, int groups, Act act = Act::none) {
    Tensor y = x.like(x.shape());
    cpu::group_norm(threads, y, {x, p, groups, act});
    return y;
  }
  Tensor layer_norm(const Tensor& x, const NormParams& p) {
    Tensor y = x.like(x.shape());
    cpu::layer_norm(pool, y, x, p);
    return y;
  }
};

TEST_P(NormKernels, AgreeWithPyTorch) {
  int ran = 0;
  for (const auto& c : component_cases("ops")) {
    const bool group = c["op"] == "group_norm";
    if (!group && c["op"] != "layer_norm") continue;
    const Arrays a(golden("components/" + c["file"].get<std::string>()));
    const NormParams p{tensor(a["weight"]), tensor(a["bias"]), c["eps"]};
    const Array x = a["x"];
    std::vector<float> y;
    if (group) {
      const int64_t images = x.shape[0], channels = x.shape[1], pixels = x.shape.numel() / images / channels;
      const Tensor in = tensor({images, pixels, channels}, swap_axes(x.values, images, channels, pixels));
      y = swap_axes(values_of(group_norm(pool, in, p, c["groups"])), images, pixels, channels);
    } else {
      y = values_of(layer_norm(tensor(x), p));
    }
    EXPECT_LE(max_abs_difference(y, a["out"].values), golden_limit(c)) << c["file"];
    ++ran;
  }
  EXPECT_EQ(ran, 12);
}

TEST_P(NormKernels, AgreeWithExactSums) {
  struct Case {
    int pixels, channels, groups;
  };
  for (const auto& [dtype, limit] : {std::pair(DType::f32, 4e-6), std::pair(DType::bf16, 0.02)})  // bf16: 2^-8 of values up to 5
    for (const Case& c : {Case{1, 32, 8}, {7, 5, 5}, {40, 20, 4}, {3000, 96, 32}, {300, 320, 32}, {129, 1280, 32}, {17, 33, 3}}) {
      SCOPED_TRACE(testing::Message() << name_of(dtype) << ' ' << c.pixels << " pixels, " << c.channels << " channels");
      const Tensor x = random_tensor({2, c.pixels, c.channels}, dtype, 5, 0.5f, 2);
      const NormParams p = params(c.channels);
      EXPECT_LE(max_abs_difference(values_of(group_norm(pool, x, p, c.groups, Act::silu)), exact(x, p, 2, c.groups, Act::silu)), limit);
      EXPECT_LE(max_abs_difference(values_of(layer_norm(x, p)), exact(x, p, 2 * c.pixels, 1, Act::none)), limit);
    }
}

TEST_P(NormKernels, ALargeMeanCostsNoDigits) {
  const Tensor x = random_tensor({1, 5000, 64}, DType::f32, 6, 1000, 0.1f);
  const NormParams p = params(64);
  EXPECT_LE(max_abs_difference(values_of(group_norm(pool, x, p, 32)), exact(x, p, 1, 32, Act::none)), 2e-3);  // inputs themselves: 6e-5 / 0.1
}

TEST_P(NormKernels, SameBytesForAnyThreadsAndBatch) {
  for (DType dtype : {DType::f32, DType::bf16}) {
    const Tensor x = random_tensor({3, 700, 64}, dtype, 9);
    const NormParams p = params(64);
    cpu::ThreadPool one(1), four(4);
    const std::string expected = bytes_of(group_norm(one, x, p, 32, Act::silu));
    EXPECT_EQ(bytes_of(group_norm(pool, x, p, 32, Act::silu)), expected);
    EXPECT_EQ(bytes_of(group_norm(four, x, p, 32, Act::silu)), expected);
    std::string singles;
    for (int n = 0; n < 3; ++n) singles += bytes_of(group_norm(pool, x.rows(n, n + 1), p, 32, Act::silu));
    EXPECT_EQ(singles, expected);

    Tensor in_place = x;
    cpu::group_norm(pool, in_place, {in_place, p, 32, Act::silu});
    EXPECT_EQ(bytes_of(in_place), expected);
  }
}

IMAGENT_ON_EVERY_ISA(NormKernels);

}  // namespace
}  // namespace imagent::test
