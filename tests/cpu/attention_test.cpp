// Attention kernels of every instruction set: against PyTorch's results, against plain sums in double, and against themselves.
#include "kernel_test.h"

namespace imagent::test {
namespace {

struct AttentionCase {
  int images = 1, queries, keys, heads = 1, width;
  bool causal = false;
  float sharpness = 1;  // standard deviation of q
};

struct Operands {
  Tensor q, k, v;

  Operands(const AttentionCase& c, DType dtype)
      : q(random_tensor({c.images, c.queries, c.heads * c.width}, dtype, 1, 0, c.sharpness)),
        k(random_tensor({c.images, c.keys, c.heads * c.width}, dtype, 2)),
        v(random_tensor({c.images, c.keys, c.heads * c.width}, dtype, 3)) {}
};

std::vector<float> exact(const AttentionCase& c, const Operands& o) {
  const std::vector<float> q = values_of(o.q), k = values_of(o.k), v = values_of(o.v);
  std::vector<float> y(q.size());
  const int64_t channels = c.heads * c.width;
  for (int64_t n = 0; n < c.images; ++n)
    for (int64_t h = 0; h < c.heads; ++h)
      for (int64_t t = 0; t < c.queries; ++t) {
        const size_t at = static_cast<size_t>((n * c.queries + t) * channels + h * c.width);
        const int64_t visible = c.causal ? std::min<int64_t>(t + 1, c.keys) : c.keys;
        std::vector<double> p(static_cast<size_t>(visible)), sums(static_cast<size_t>(c.width));
        double largest = -INFINITY, total = 0;
        const auto from = [&](int64_t s) { return static_cast<size_t>((n * c.keys + s) * channels + h * c.width); };
        for (int64_t s = 0; s < visible; ++s) {
          for (int64_t d = 0; d < c.width; ++d) p[s] += static_cast<double>(q[at + d]) * k[from(s) + d];
          largest = std::max(largest, p[s] /= std::sqrt(static_cast<double>(c.width)));
        }
        for (int64_t s = 0; s < visible; ++s) {
          total += p[s] = std::exp(p[s] - largest);
          for (int64_t d = 0; d < c.width; ++d) sums[d] += p[s] * v[from(s) + d];
        }
        for (int64_t d = 0; d < c.width; ++d) y[at + d] = static_cast<float>(sums[d] / total);
      }
  return y;
}

Tensor attend(cpu::ThreadPool& pool, const Operands& o, int heads, bool causal) {
  Tensor y = o.q.like(o.q.shape());
  cpu::attention(pool, y, {o.q, o.k, o.v, heads, causal});
  return y;
}

struct AttentionKernels : OnEveryIsa {
  void agrees(const AttentionCase& c, DType dtype, double limit) {
    SCOPED_TRACE(testing::Message() << name_of(dtype) << " T " << c.queries << " S " << c.keys << " D " << c.width);
    const Operands operands(c, dtype);
    EXPECT_LE(max_abs_difference(values_of(attend(pool, operands, c.heads, c.causal)), exact(c, operands)), limit);
  }
};

TEST_P(AttentionKernels, AgreeWithPyTorch) {
  int ran = 0;
  for (const auto& c : component_cases("ops")) {
    if (c["op"] != "attention") continue;
    const Arrays a(golden("components/" + c["file"].get<std::string>()));
    const Tensor q = tensor(a["q"]), k = tensor(a["k"]), v = tensor(a["v"]);
    Tensor y = q.like(q.shape());
    cpu::attention(pool, y, {q, k, v, c["heads"], c["causal"]});
    EXPECT_LE(max_abs_difference(values_of(y), a["out"].values), golden_limit(c)) << c["file"];
    ++ran;
  }
  EXPECT_EQ(ran, 12);
}

TEST_P(AttentionKernels, AgreeWithExactSumsOnAwkwardSizes) {
  // bf16: results, probabilities and scaled queries are rounded, each by up to 2^-9 of values up to 4.
  for (const auto& [dtype, limit] : {std::pair(DType::f32, 3e-6), std::pair(DType::bf16, 0.02)}) {
    for (int width : {1, 3, 4, 5, 8, 16, 24, 33, 40, 64, 80, 160}) agrees({.queries = 19, .keys = 50, .heads = 2, .width = width}, dtype, limit);
    for (int queries : {1, 15, 16, 17, 63, 64, 65, 130}) agrees({.queries = queries, .keys = 77, .width = 40}, dtype, limit);
    for (int keys : {1, 2, 3, 5, 6, 7, 71, 72, 73, 95, 96, 97, 154, 300}) agrees({.images = 2, .queries = 20, .keys = keys, .heads = 3, .width = 8}, dtype, limit);
    for (int tokens : {1, 6, 64, 77, 150}) agrees({.queries = tokens, .keys = tokens, .heads = 2, .width = 64, .causal = true}, dtype, limit);
    agrees({.queries = 70, .keys = 200, .width = 512}, dtype, limit);
  }
}

// Scores far above those of the first keys: the guess of the maximum has to be raised, several times.
TEST_P(AttentionKernels, FollowGrowingScores) {
  for (DType dtype : {DType::f32, DType::bf16})
    for (float growth : {0.02f, 1.0f, -1.0f, 30.0f}) {
      const int tokens = 400, width = 8;
      std::vector<float> q(tokens * width, 4.0f), k(tokens * width), v(tokens * width);
      for (int s = 0; s < tokens; ++s)
        for (int d = 0; d < width; ++d) {
          k[s * width + d] = growth * static_cast<float>(s / 50);
          v[s * width + d] = static_cast<float>(s / 50 + d);
        }
      const AttentionCase c{.queries = tokens, .keys = tokens, .width = width};
      Operands operands(c, dtype);
      operands.q = tensor({1, tokens, width}, q, dtype), operands.k = tensor({1, tokens, width}, k, dtype), operands.v = tensor({1, tokens, width}, v, dtype);
      EXPECT_LE(max_abs_difference(values_of(attend(pool, operands, 1, false)), exact(c, operands)), dtype == DType::f32 ? 3e-5 : 0.08) << growth;
    }
}

TEST_P(AttentionKernels, SameBytesForAnyThreadsAndBatch) {
  for (DType dtype : {DType::f32, DType::bf16}) {
    const AttentionCase c{.images = 3, .queries = 150, .keys = 170, .heads = 4, .width = 40};
    const Operands operands(c, dtype);
    cpu::ThreadPool one(1), four(4);
    const std::string expected = bytes_of(attend(one, operands, 4, false));
    EXPECT_EQ(bytes_of(attend(pool, operands, 4, false)), expected);
    EXPECT_EQ(bytes_of(attend(four, operands, 4, false)), expected);
    std::string singles;
    for (int n = 0; n < 3; ++n) {
      Operands single = operands;
      single.q = operands.q.rows(n, n + 1), single.k = operands.k.rows(n, n + 1), single.v = operands.v.rows(n, n + 1);
      singles += bytes_of(attend(pool, single, 4, false));
    }
    EXPECT_EQ(singles, expected);
  }
}

TEST_P(AttentionKernels, MayWriteOverTheQueries) {
  Operands operands({.queries = 100, .keys = 77, .heads = 2, .width = 40}, DType::f32);
  const std::string expected = bytes_of(attend(pool, operands, 2, false));
  cpu::attention(pool, operands.q, {operands.q, operands.k, operands.v, 2, false});
  EXPECT_EQ(bytes_of(operands.q), expected);
}

IMAGENT_ON_EVERY_ISA(AttentionKernels);

}  // namespace
}  // namespace imagent::test
