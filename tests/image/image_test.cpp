#include "image/image.h"

#include <cmath>

#include "base/error.h"
#include "support/golden.h"

namespace imagent {

TEST(Image, RoundsHalfToEven) {
  // x = (k + 0.5) / 127.5 - 1 is half way between two values: exact for these k in f32.
  const std::vector<float> x = {-1, 1, 0, -2, 7, std::nanf(""), 0.5f / 127.5f};
  const Image image = image_from_signed(x, {7, 1, 1});
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{0, 255, 128, 0, 255, 0, 128}));  // 127.5 -> 128
  const Image truncated = image_from_signed(x, {7, 1, 1}, Quantization::truncate);
  EXPECT_EQ(truncated.pixels, (std::vector<uint8_t>{0, 255, 127, 0, 255, 0, 128}));
}

TEST(Image, PlanesBecomeInterleaved) {
  const std::vector<float> planes = {-1, 1, 0, 0, 1, -1};  // [3,1,2]
  EXPECT_EQ(image_from_signed_planes(planes, {2, 1, 3}).pixels, (std::vector<uint8_t>{0, 128, 255, 255, 128, 0}));
}

TEST(Image, EveryByteSurvivesTheRoundTrip) {
  Image image(256, 1, 1);
  for (int i = 0; i < 256; ++i) image.pixels[i] = static_cast<uint8_t>(i);
  EXPECT_EQ(image_from_signed(signed_from_image(image), {256, 1, 1}), image);
}

TEST(Image, GrayAsPil) {
  Image image(3, 1, 3);
  image.pixels = {255, 0, 0, 10, 200, 30, 255, 255, 255};
  EXPECT_EQ(to_gray(image).pixels, (std::vector<uint8_t>{76, 124, 255}));  // Image.convert("L")
}

TEST(Image, AlphaIsDroppedOrTakenOut) {
  Image image(1, 1, 4);
  image.pixels = {1, 2, 3, 4};
  EXPECT_EQ(to_rgb(image).pixels, (std::vector<uint8_t>{1, 2, 3}));
  EXPECT_EQ(alpha_of(image).pixels, (std::vector<uint8_t>{4}));
  EXPECT_EQ(alpha_of(to_rgb(image)).pixels, (std::vector<uint8_t>{255}));
}

TEST(Image, BadSizesAreErrors) {
  EXPECT_THROW(Image(0, 1, 3), Error);
  EXPECT_THROW(Image(1, 1, 2), Error);
  EXPECT_THROW(image_from_signed(std::vector<float>(5), {2, 1, 3}), Error);
}

}  // namespace imagent
