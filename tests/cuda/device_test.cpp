// What the CUDA backend says when there is no card, an old one, or no more memory, and how it takes large things in parts.
#include "cuda/device.h"

#include <gtest/gtest.h>

#include <cmath>

#include "emulated_backend.h"
#include "ops/ops.h"
#include "reference/reference_backend.h"
#include "support/golden.h"

namespace imagent::test {
namespace {

TEST(CudaDevice, SaysWhyNot) {
  {
    const Set none(emulation::cards, 0);
    const Error error = error_of([] { cuda::CudaBackend(); });
    EXPECT_EQ(error.kind, ErrorKind::unsupported);
    EXPECT_NE(error.text.find("no NVIDIA card"), std::string::npos) << error.text;
  }
  const Set old(emulation::card_major, 7);
  const Error error = error_of([] { cuda::CudaBackend(); });
  EXPECT_EQ(error.kind, ErrorKind::unsupported);
  EXPECT_NE(error.text.find("sm_70 is too old"), std::string::npos) << error.text;
}

TEST(CudaDevice, TooMuchIsAnErrorOfMemory) {
  cuda::CudaBackend backend;
  const Set small(emulation::memory_limit, emulation::memory_used + (size_t{20} << 20));
  { const Tensor cached(backend, {4 << 20}, DType::f32); }
  const Tensor fits(backend, {9 << 20}, DType::bf16);  // what was cached is given back for it
  EXPECT_EQ(error_of([&] { Tensor(backend, {2 << 20}, DType::bf16); }).kind, ErrorKind::memory);
  EXPECT_EQ(backend.available_bytes(), 0u);  // less than the libraries may want
}

TEST(CudaDevice, PartsMakeTheSameWhole) {
  cuda::CudaBackend parts({.part_bytes = 1000});
  const auto numbers = [](int64_t count) {
    std::vector<float> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(0.7f * static_cast<float>(i));
    return values;
  };
  const std::vector<float> weight = numbers(5 * 4 * 9);
  const auto convolved = [&](Backend& backend) {
    const Packed w = backend.pack_conv2d({DType::f32, {5, 4, 3, 3}, weight.data(), nullptr}, {}, DType::f32);
    return download(conv2d(upload(backend, {2, 9, 7, 4}, numbers(2 * 9 * 7 * 4)), w, Conv2dParams::same(3), {.act = Act::none, .per_image = {}, .residual = upload(backend, {2, 9, 7, 5}, numbers(2 * 9 * 7 * 5))}));
  };
  const auto attended = [&](Backend& backend, bool causal) {
    const Tensor x = upload(backend, {2, 40, 12}, numbers(2 * 40 * 12));
    return download(attention(x, x, x, 3, causal));
  };
  ReferenceBackend reference;
  EXPECT_LE(max_abs_difference(convolved(parts), convolved(reference)), 1e-5);
  for (const bool causal : {false, true}) EXPECT_LE(max_abs_difference(attended(parts, causal), attended(reference, causal)), 1e-5);
}

// Larger than the staging pieces, of types that the card takes as they are and of one that is widened on the way.
TEST(CudaDevice, LargeWeightsArriveWhole) {
  constexpr int64_t out = 5, in = 2'000'003;
  std::vector<double> wide(static_cast<size_t>(out * in));
  for (size_t i = 0; i < wide.size(); ++i) wide[i] = static_cast<double>(i % 2048);
  const std::vector<float> plain(wide.begin(), wide.end());
  for (const HostView& view : {HostView{DType::f32, {out, in}, plain.data(), nullptr}, HostView{DType::f64, {out, in}, wide.data(), nullptr}}) {
    const Packed w = emulated_cuda().pack_linear(view, {}, DType::f16);
    const Tensor& packed = static_cast<const cuda::CudaWeight&>(*w.data).matrix;
    EXPECT_EQ(download(packed), plain);
    EXPECT_EQ(w.bytes, plain.size() * 2);
  }
}

}  // namespace
}  // namespace imagent::test
