// Linear layers of 8-bit numbers on an emulated card: the numbers themselves, exactly; products against the plain loops in f32.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "cuda/kernels.h"
#include "emulated_backend.h"
#include "ops/ops.h"
#include "reference/reference_backend.h"
#include "support/golden.h"
#include "tensor/counting_backend.h"

namespace imagent::test {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<float> numbers(int64_t count, unsigned seed, float scale = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = normal(engine);
  return values;
}

struct EightBit : testing::TestWithParam<DType> {
  DType type = GetParam();
  float top = type == DType::i8 ? 127 : 448;
  // Of a product to what it is in f32, by their root mean squares: each operand is rounded by up to a half of 1/127 of its row's
  // largest number, or of 1/8 of itself.
  double limit = type == DType::i8 ? 0.015 : 0.045;
  cuda::CudaBackend backend{options()};
  ReferenceBackend reference;

  cuda::CudaOptions options() const { return {.eight_bit = {.dtype = type, .least = 256}}; }
  void TearDown() override { emulation::disorder = 0; }

  // The numbers and the scale of each row, by the kernel and in plain loops.
  struct Rows {
    std::vector<uint8_t> codes;
    std::vector<float> scales;
  };
  Rows quantized(const Tensor& x) {
    Tensor y(backend, x.shape(), type), scales(backend, {x.dim(0)}, DType::f32);
    cuda::quantize_rows(nullptr, y, scales, x);
    Rows rows{std::vector<uint8_t>(y.bytes()), download(scales)};
    backend.download(y, rows.codes.data());
    return rows;
  }
  uint8_t code(float x) const { return type == DType::i8 ? static_cast<uint8_t>(static_cast<int8_t>(std::nearbyint(x))) : f32_to_f8_e4m3(x); }
  void expect_quantized(const Tensor& x, const std::string& what) {
    const std::vector<float> values = download(x);
    const Rows rows = quantized(x);
    const auto width = static_cast<size_t>(x.dim(1));
    for (size_t row = 0; row < rows.scales.size(); ++row) {
      float largest = 0;
      for (size_t i = 0; i < width; ++i) largest = std::max(largest, std::abs(values[row * width + i]));
      EXPECT_EQ(rows.scales[row], largest / top) << what << ", row " << row;
      for (size_t i = 0; i < width; ++i)
        ASSERT_EQ(rows.codes[row * width + i], code(values[row * width + i] * (top / largest))) << what << ", row " << row << ", " << values[row * width + i];
    }
  }
};

TEST_P(EightBit, RowsAreScaledByTheirLargest) {
  for (const unsigned disorder : {0u, 1u})
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16})
      for (const Shape& shape : {Shape{1, 16}, {9, 48}, {17, 320}, {5, 2064}}) {
        emulation::disorder = disorder;
        std::vector<float> values = numbers(shape.numel(), 1);
        values[0] = 50;  // one far outside
        for (int64_t i = shape.numel() - shape[1]; i < shape.numel(); ++i) values[static_cast<size_t>(i)] *= 1e-3f;
        expect_quantized(cast(upload(backend, shape, values), dtype), str(name_of(dtype), ' ', shape));
      }
}

// Every code, what lies halfway between two, and the nearest numbers to those; the first of a row makes its scale 1.
TEST_P(EightBit, NumbersAreRoundedToTheNearestAndTiesToTheEven) {
  std::vector<float> values;
  float before = 0;
  for (int i = 0; i < 127; ++i) {
    const float value = type == DType::i8 ? static_cast<float>(i) : f8_e4m3_to_f32(static_cast<uint8_t>(i)), middle = (before + value) / 2;
    for (const float x : {value, middle, std::nextafter(middle, 1000.0f), std::nextafter(middle, -1000.0f)}) values.insert(values.end(), {x, -x});
    before = value;
  }
  values.insert(values.begin(), top);
  values.resize((values.size() + 15) / 16 * 16);
  expect_quantized(upload(backend, {1, static_cast<int64_t>(values.size())}, values), "codes");
}

TEST_P(EightBit, RowsOfNothingAndOfTooMuch) {
  constexpr size_t width = 320;
  const auto row_with = [&](float special) {
    std::vector<float> row = numbers(width, 3);
    row[37] = special;
    return row;
  };
  const auto scale_of = [&](const std::vector<float>& row) { return quantized(upload(backend, {1, width}, row)).scales[0]; };
  EXPECT_EQ(scale_of(std::vector<float>(width, 0)), 0);
  EXPECT_EQ(scale_of(std::vector<float>(width, 1e-40f)), 0);
  EXPECT_GT(scale_of(std::vector<float>(width, 1e-34f)), 0);
  for (const float special : {infinity, -infinity, NAN}) EXPECT_TRUE(std::isnan(scale_of(row_with(special)))) << special;
  expect_quantized(upload(backend, {1, width}, row_with(3e38f)), "very large");
  expect_quantized(upload(backend, {1, width}, numbers(width, 4, 1e-33f)), "very small");
  expect_quantized(upload(backend, {0, width}, {}), "none");
}

// The weights and what goes with a call, the same on every backend.
struct Layer {
  Shape x;
  int64_t out;
  DType dtype = DType::f32, file = DType::f32;
  Act act = Act::none;
  bool bias = true, per_image = false, residual = false, in_place = false;

  Packed pack(Backend& backend) const {
    const int64_t in = x[-1];
    const std::vector<float> matrix = numbers(out * in, 2, 1 / std::sqrt(static_cast<float>(in))), offsets = numbers(out, 3);
    std::vector<char> stored(matrix.size() * size_of(file));
    narrow_from_f32(file, matrix.data(), stored.data(), matrix.size());
    return backend.pack_linear({file, {out, in}, stored.data(), nullptr}, bias ? HostView{DType::f32, {out}, offsets.data(), nullptr} : HostView{}, dtype);
  }
  std::vector<float> operator()(Backend& backend) const {
    const auto tensor = [&](const Shape& shape, unsigned seed) { return cast(upload(backend, shape, numbers(shape.numel(), seed)), dtype); };
    Shape y = x;
    y[-1] = out;
    Epilogue e{.act = act, .per_image = per_image ? tensor({x[0], out}, 5) : Tensor(), .residual = residual ? tensor(y, 6) : Tensor()};
    const Tensor kept = in_place ? Tensor() : e.residual;
    return download(linear(tensor(x, 1), pack(backend), std::move(e)));
  }
};

double relative_error(const std::vector<float>& got, const std::vector<float>& expected) {
  double error = 0, power = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(static_cast<double>(got[i]) - expected[i], 2);
    power += std::pow(static_cast<double>(expected[i]), 2);
  }
  return std::sqrt(error / power);
}

TEST_P(EightBit, ProductsWithEveryEpilogue) {
  for (const Shape& x : {Shape{1, 16}, {2, 16, 64}, {3, 7, 48}, {2, 3, 3, 320}})
    for (const int64_t out : {16, 144})
      for (const DType dtype : {DType::f32, DType::f16, DType::bf16})
        for (const auto& [act, per_image, residual] : {std::tuple(Act::none, false, false), {Act::none, false, true}, {Act::silu, true, false}, {Act::gelu, true, true}})
          for (const bool in_place : {false, true}) {
            const Layer layer{.x = x, .out = out, .dtype = dtype, .file = dtype, .act = act, .bias = act != Act::silu, .per_image = per_image, .residual = residual, .in_place = in_place};
            EXPECT_LE(relative_error(layer(backend), layer(reference)), limit) << x << " to " << out << ' ' << name_of(dtype) << " act " << static_cast<int>(act);
          }
}

// From the numbers that the kernel made, with whole sums: nothing else is rounded but the result.
TEST_P(EightBit, ProductsAreWhatTheNumbersSay) {
  constexpr int64_t rows = 5, in = 64, out = 32;
  const Layer layer{.x = {rows, in}, .out = out, .bias = false};
  const Rows x = quantized(upload(backend, {rows, in}, numbers(rows * in, 1))), w = quantized(upload(backend, {out, in}, numbers(out * in, 2, 0.125f)));
  const auto number = [&](uint8_t code) { return type == DType::i8 ? static_cast<float>(static_cast<int8_t>(code)) : f8_e4m3_to_f32(code); };
  const std::vector<float> got = layer(backend);
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < out; ++j) {
      float sum = 0;
      for (size_t k = 0; k < in; ++k) sum += number(x.codes[i * in + k]) * number(w.codes[j * in + k]);
      if (type == DType::f8_e4m3) sum = bf16_to_f32(f32_to_bf16(sum));
      EXPECT_EQ(got[i * out + j], sum * (x.scales[i] * w.scales[j]));
    }
}

TEST_P(EightBit, PartsMakeTheSameWhole) {
  cuda::CudaOptions small = options();
  small.part_bytes = 40000;
  cuda::CudaBackend parts(small);
  const Layer layer{.x = {3, 101, 64}, .out = 144, .act = Act::silu, .per_image = true, .residual = true};
  EXPECT_EQ(layer(parts), layer(backend));
}

TEST_P(EightBit, OtherShapesAreAsEver) {
  for (const auto& [in, out] : {std::pair<int64_t, int64_t>{40, 32}, {32, 40}, {16, 8}, {3, 320}}) {
    const Layer layer{.x = {2, 5, in}, .out = out, .dtype = DType::f16};
    EXPECT_EQ(layer(backend), layer(emulated_cuda())) << in << " to " << out;
  }
  EXPECT_FALSE(cuda::EightBitWeights{.dtype = type}.hold({320, 320})) << "small";
  EXPECT_TRUE(cuda::EightBitWeights{.dtype = type}.hold({640, 640}));
  EXPECT_TRUE(cuda::EightBitWeights{.dtype = type}.hold({640, 640, 1, 1}));
  EXPECT_FALSE(cuda::EightBitWeights{.dtype = type}.hold({640, 640, 3, 3}));
  EXPECT_FALSE(cuda::EightBitWeights{.dtype = type}.hold({16, (1 << 17) + 16})) << "sums would not fit";
  EXPECT_FALSE(cuda::EightBitWeights{}.hold({640, 640}));
}

TEST_P(EightBit, ConvolutionsOfOnePixelAreLinear) {
  const auto convolved = [&](Backend& b, int kernel, const Conv2dParams& p) {
    const std::vector<float> weight = numbers(32 * 48 * kernel * kernel, 2, 0.1f), bias = numbers(32, 3);
    const Packed w = b.pack_conv2d({DType::f32, {32, 48, kernel, kernel}, weight.data(), nullptr}, {DType::f32, {32}, bias.data(), nullptr}, DType::f32);
    EXPECT_LE(w.bytes, static_cast<size_t>(32 * 48 * kernel * kernel + 32 + 32) * 4);
    return download(conv2d(upload(b, {2, 6, 7, 48}, numbers(2 * 6 * 7 * 48, 1)), w, p));
  };
  for (const Conv2dParams& p : {Conv2dParams{}, Conv2dParams{2, 0, 0, 0, 0}, Conv2dParams{1, 1, 0, 0, 2}, Conv2dParams{3, 2, 1, 0, 0}}) {
    const double error = relative_error(convolved(backend, 1, p), convolved(reference, 1, p));
    EXPECT_GT(error, limit / 10) << "in 8 bits";
    EXPECT_LE(error, limit) << p.stride;
  }
  EXPECT_LE(relative_error(convolved(backend, 3, Conv2dParams::same(3)), convolved(reference, 3, Conv2dParams::same(3))), 1e-5);
}

TEST_P(EightBit, WhatIsNoNumberSpoilsItsOwnAlone) {
  constexpr int64_t rows = 4, in = 32, out = 16;
  std::vector<float> x = numbers(rows * in, 1), weight = numbers(out * in, 2);
  x[1 * in + 5] = infinity;
  std::fill_n(x.begin() + 2 * in, in, 0.0f);
  weight[7 * in + 3] = NAN;
  const Packed w = backend.pack_linear({DType::f32, {out, in}, weight.data(), nullptr}, {}, DType::f32);
  const std::vector<float> y = download(linear(upload(backend, {rows, in}, x), w));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < out; ++j) {
      const float got = y[static_cast<size_t>(i * out + j)];
      EXPECT_EQ(std::isnan(got), i == 1 || j == 7) << i << ' ' << j;
      if (i == 2 && j != 7) {
        EXPECT_EQ(got, 0);
      }
    }
}

TEST_P(EightBit, WeightsTakeAByteAndThatIsForeseen) {
  CountingBackend counter(&backend);
  for (const Shape& shape : {Shape{64, 128}, {64, 100}, {32, 32, 1, 1}, {32, 32, 3, 3}}) {
    const std::vector<float> weight = numbers(shape.numel(), 1);
    const HostView view{DType::f32, shape, weight.data(), nullptr};
    const auto pack = [&](Backend& b) { return shape.rank() == 2 ? b.pack_linear(view, {}, DType::bf16) : b.pack_conv2d(view, {}, DType::bf16); };
    EXPECT_EQ(pack(backend).bytes, pack(counter).bytes) << shape;
    EXPECT_EQ(CountingBackend().weight_bytes(shape, DType::bf16), weight.size() * 2);
  }
  EXPECT_EQ(backend.weight_bytes({64, 128}, DType::bf16), size_t{64 * 128 + 64 * 4});
}

TEST_P(EightBit, ComeBackTheSameWithLittleMemory) {
  constexpr int64_t width = 512;
  constexpr size_t bytes = width * width;
  cuda::CudaOptions swapping = options();
  swapping.low_vram = true;
  cuda::CudaBackend low(swapping);
  const auto layers = [&](Backend& b) {
    std::vector<Packed> packed;
    for (unsigned i = 0; i < 12; ++i) {
      const auto values = std::make_shared<std::vector<float>>(numbers(width * width, i, 0.05f));
      packed.push_back(b.pack_linear({DType::f32, {width, width}, values->data(), values}, {}, DType::bf16));
    }
    return packed;
  };
  const auto run = [&](Backend& b, const std::vector<Packed>& model) {
    Tensor x = cast(upload(b, {2, width}, numbers(2 * width, 99)), DType::bf16);
    for (const Packed& layer : model) x = linear(x, layer);
    return download(x);
  };
  const std::vector<float> expected = run(backend, layers(backend));
  const std::vector<Packed> model = layers(low);
  run(low, {model[0]});  // what is needed besides weights
  const Set little(emulation::memory_limit, emulation::memory_used + 5 * bytes);
  const size_t sent = emulation::bytes_sent;
  for (int pass = 0; pass < 3; ++pass) EXPECT_EQ(run(low, model), expected) << pass;
  EXPECT_GT(emulation::bytes_sent - sent, 12 * bytes * 4) << "some came back";
  EXPECT_LE(emulation::memory_used, emulation::memory_limit);
}

TEST_P(EightBit, CallsAreRecorded) {
  const Layer layer{.x = {2, 20, 64}, .out = 64, .dtype = DType::bf16};
  Packed w = layer.pack(backend);
  int calls = 0;
  const auto call = [&](std::vector<Tensor> in) {
    ++calls;
    const Tensor y = linear(in[0], w, {.act = Act::gelu, .per_image = {}, .residual = {}});
    return std::vector{linear(y, w, {.act = Act::none, .per_image = {}, .residual = y})};
  };
  const auto expect_same = [&](unsigned seed) {
    const auto x = [&] { return std::vector{cast(upload(backend, {2, 20, 64}, numbers(2 * 20 * 64, seed)), DType::bf16)}; };
    EXPECT_EQ(download(backend.replay("layer", x(), call).front()), download(call(x()).front())) << seed;
  };
  const int launches = emulation::graph_launches;
  for (const unsigned seed : {1u, 2u, 3u, 4u}) expect_same(seed);
  EXPECT_EQ(emulation::graph_launches, launches + 3);
  EXPECT_EQ(calls, 4 + 2);
  w.data.take(Layer{.x = {2, 20, 64}, .out = 64, .dtype = DType::bf16, .file = DType::bf16, .bias = false}.pack(backend).data);
  expect_same(5);
}

INSTANTIATE_TEST_SUITE_P(Types, EightBit, testing::Values(DType::i8, DType::f8_e4m3), [](const auto& info) { return info.param == DType::i8 ? "int8" : "fp8"; });

TEST(EightBitCards, OldOnesHaveNoFp8) {
  const Set major(emulation::card_major, 8), minor(emulation::card_minor, 6);
  const Error error = error_of([] { cuda::CudaBackend({.eight_bit = {.dtype = DType::f8_e4m3}}); });
  EXPECT_EQ(error.kind, ErrorKind::unsupported);
  EXPECT_NE(error.text.find("sm_86 does not multiply in fp8: sm_89 (Ada) or later is wanted"), std::string::npos) << error.text;
  EXPECT_NE(cuda::CudaBackend({.eight_bit = {.dtype = DType::i8}}).info().instructions.find("linear layers in int8"), std::string::npos);
  emulation::card_minor = 9;
  EXPECT_NE(cuda::CudaBackend({.eight_bit = {.dtype = DType::f8_e4m3}}).info().instructions.find("linear layers in fp8"), std::string::npos);
}

}  // namespace
}  // namespace imagent::test
