// Verbs for pictures that are computed in parts or that go on at their other side, against plain arithmetic on every backend.
#include <cmath>

#include "nn/layers.h"
#include "support/devices.h"

namespace imagent::test {
namespace {

struct WholePictureOps : OnEveryBackend {};

std::vector<float> numbers(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(std::sin(0.7 * static_cast<double>(i)) * 3 + static_cast<double>(i % 7));
  return values;
}

Tensor picture(Backend& backend, int64_t height, int64_t width, int64_t channels, DType dtype) {
  return cast(imagent::upload(backend, {1, height, width, channels}, numbers(static_cast<size_t>(height * width * channels))), dtype);
}

NormParams plain_norm(Backend& backend, int64_t channels) {
  const std::vector<float> ones(static_cast<size_t>(channels), 1.0f), zeros(static_cast<size_t>(channels), 0.0f);
  return {imagent::upload(backend, {channels}, ones), imagent::upload(backend, {channels}, zeros), 1e-5f};
}

TEST_P(WholePictureOps, GroupStatistics) {
  for (const auto& [height, width, channels, groups] : {std::array<int64_t, 4>{1, 1, 4, 2}, {3, 5, 6, 3}, {40, 33, 32, 8}}) {
    const Tensor x = picture(device(), height, width, channels, DType::f32);
    const std::vector<float> values = download(x), got = download(group_statistics(x, static_cast<int>(groups)));
    const int64_t in_group = channels / groups, pixels = height * width;
    ASSERT_EQ(got.size(), static_cast<size_t>(2 * groups));
    for (int64_t g = 0; g < groups; ++g) {
      double mean = 0, variance = 0;
      const auto each = [&](auto visit) {
        for (int64_t p = 0; p < pixels; ++p)
          for (int64_t c = 0; c < in_group; ++c) visit(static_cast<double>(values[static_cast<size_t>(p * channels + g * in_group + c)]));
      };
      each([&](double v) { mean += v / static_cast<double>(pixels * in_group); });
      each([&](double v) { variance += (v - mean) * (v - mean) / static_cast<double>(pixels * in_group); });
      EXPECT_NEAR(got[static_cast<size_t>(2 * g)], mean, 1e-5);
      EXPECT_NEAR(got[static_cast<size_t>(2 * g + 1)], variance, 1e-4);
    }
  }
}

// Parts normalised by the moments of all parts are the parts of the whole normalised.
TEST_P(WholePictureOps, GivenStatisticsAreThoseOfTheWhole) {
  const Tensor whole = picture(device(), 12, 5, 8, DType::f32);
  const std::vector<float> values = download(whole);
  NormParams params = plain_norm(device(), 8);
  const std::vector<float> expected = download(group_norm(whole, params, 4));
  std::vector<Tensor> parts;
  GroupMoments moments;
  for (const auto& [begin, end] : {std::pair{0, 5}, {5, 6}, {6, 12}}) {
    const size_t row = 5 * 8;
    parts.push_back(imagent::upload(device(), {1, end - begin, 5, 8}, std::span(values).subspan(begin * row, (end - begin) * row)));
    moments.add(parts.back(), 4);
  }
  params.statistics = moments.statistics(device());
  std::vector<float> joined;
  for (Tensor& part : parts) {
    const std::vector<float> out = download(group_norm(std::move(part), params, 4));
    joined.insert(joined.end(), out.begin(), out.end());
  }
  EXPECT_LE(max_abs_difference(joined, expected), 2e-6);
  EXPECT_THROW(group_norm(whole, params, 2), Error);
}

TEST_P(WholePictureOps, PixelsAreScaledInEveryPicture) {
  const std::vector<float> scale = {0, 0.25f, 0.5f, 1, 2, -1};
  const Tensor map = imagent::upload(device(), {2, 3}, scale);
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const int channels : {1, 5, 16, 33}) {
      const Tensor one = picture(device(), 2, 3, channels, dtype), two = concat_rows(std::vector<Tensor>{one, one});
      const std::vector<float> in = download(two), out = download(scale_pixels(two, map));
      ASSERT_EQ(out.size(), in.size());
      for (size_t i = 0; i < in.size(); ++i) EXPECT_NEAR(out[i], in[i] * scale[i / static_cast<size_t>(channels) % 6], dtype == DType::f32 ? 1e-6 : 0.01 * std::abs(in[i]));
      EXPECT_EQ(download(scale_pixels(two.reshape({2, 6, channels}), map)), out) << "tokens";
      const std::vector<float> in_place = download(scale_pixels(two + two, map));
      for (size_t i = 0; i < in.size(); ++i) EXPECT_EQ(in_place[i], 2 * out[i]);
    }
  EXPECT_THROW(scale_pixels(picture(device(), 3, 3, 4, DType::f32), map), Error);
}

TEST_P(WholePictureOps, WrapGoesOnAtTheOtherSide) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Tensor x = picture(device(), 4, 3, 2, dtype);
    const Border border{.top = 2, .left = 1, .bottom = 5, .right = 4};
    const std::vector<float> in = download(x), out = download(wrap(x, border));
    ASSERT_EQ(out.size(), 11u * 8 * 2);
    for (int i = 0; i < 11; ++i)
      for (int j = 0; j < 8; ++j)
        for (int c = 0; c < 2; ++c) EXPECT_EQ(out[static_cast<size_t>((i * 8 + j) * 2 + c)], in[static_cast<size_t>(((i + 2) % 4 * 3 + (j + 2) % 3) * 2 + c)]);
  }
}

IMAGENT_ON_EVERY_BACKEND(WholePictureOps);

}  // namespace
}  // namespace imagent::test
