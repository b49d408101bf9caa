// Cutting, pasting, blending and blurring.
#include "image/compose.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/error.h"

namespace imagent {
namespace {

Image ramp(int width, int height, int channels) {
  Image image(width, height, channels);
  std::iota(image.pixels.begin(), image.pixels.end(), uint8_t{1});
  return image;
}

TEST(Compose, CropAndPasteAreEachOthersInverse) {
  const Image image = ramp(7, 5, 3);
  Image copy = image;
  paste(copy, filled(3, 2, 3, 0), 2, 1);
  EXPECT_NE(copy, image);
  paste(copy, crop(image, {2, 1, 3, 2}), 2, 1);
  EXPECT_EQ(copy, image);
  paste(copy, filled(20, 20, 3, 9), -10, -10);  // covers all
  EXPECT_EQ(copy, filled(7, 5, 3, 9));
  paste(copy, image, 7, 0);                     // covers nothing
  EXPECT_EQ(copy, filled(7, 5, 3, 9));
  EXPECT_THROW(crop(image, {5, 0, 3, 1}), Error);
}

TEST(Compose, EdgesGoOn) {
  Image image(2, 1, 1);
  image.pixels = {10, 20};
  EXPECT_EQ(place_with_edges(image, 1, 1, 5, 2).pixels, (std::vector<uint8_t>{10, 10, 20, 20, 20, 10, 10, 20, 20, 20}));
  EXPECT_EQ(place_with_edges(image, -1, 0, 1, 1).pixels, (std::vector<uint8_t>{20}));
}

TEST(Compose, BlendIsExactAtBothEnds) {
  const Image below = ramp(6, 6, 3), above = invert(below);
  EXPECT_EQ(blend(below, above, filled(6, 6, 1, 0)), below);
  EXPECT_EQ(blend(below, above, filled(6, 6, 1, 255)), above);
  EXPECT_EQ(blend(filled(1, 1, 3, 0), filled(1, 1, 3, 255), filled(1, 1, 1, 128)), filled(1, 1, 3, 128));
}

TEST(Compose, TransparentPartsShowTheBackground) {
  Image image(2, 1, 4);
  image.pixels = {10, 20, 30, 255, 10, 20, 30, 0};
  EXPECT_EQ(flatten(image).pixels, (std::vector<uint8_t>{10, 20, 30, 255, 255, 255}));
}

TEST(Compose, BoundingBox) {
  Image mask(9, 9, 1);
  EXPECT_FALSE(bounding_box(mask).has_value());
  *mask.at(3, 8) = 1;
  *mask.at(5, 2) = 255;
  EXPECT_EQ(bounding_box(mask), (Region{3, 2, 3, 7}));
}

TEST(Blur, SpreadsAPointAndKeepsFlatParts) {
  EXPECT_EQ(gaussian_blur(filled(20, 10, 1, 200), 4), filled(20, 10, 1, 200));
  Image point(21, 21, 1);
  *point.at(10, 10) = 255;
  const Image blurred = gaussian_blur(point, 2);  // 255 / (2 pi 2^2) in the middle, a little more for the cut tails
  EXPECT_NEAR(*blurred.at(10, 10), 10.3, 0.6);
  EXPECT_EQ(*blurred.at(8, 10), *blurred.at(12, 10));
  EXPECT_EQ(*blurred.at(10, 8), *blurred.at(8, 10));
  EXPECT_EQ(*blurred.at(10, 4), 0) << "beyond 2.5 sigma";
  EXPECT_EQ(gaussian_blur(point, 0), point);
}

TEST(Blur, HiddenPartsTakeTheColoursAroundThem) {
  Image picture = filled(64, 64, 3, 0);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x) picture.at(x, y)[x < 32 ? 0 : 2] = 200;  // red beside blue
  const Image whole = picture;
  Image mask(64, 64, 1);
  paste(mask, filled(24, 24, 1, 255), 20, 20);
  paste(picture, filled(24, 24, 3, 255), 20, 20);  // what the mask hides may not shine through
  const Image filled_up = fill_hidden(picture, mask);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x) {
      if (*mask.at(x, y) == 0) {
        EXPECT_TRUE(std::equal(whole.at(x, y), whole.at(x, y) + 3, filled_up.at(x, y)));
      } else {
        EXPECT_LE(filled_up.at(x, y)[1], 2);
      }
    }
  EXPECT_GT(filled_up.at(21, 32)[0], filled_up.at(21, 32)[2]);
  EXPECT_GT(filled_up.at(42, 32)[2], filled_up.at(42, 32)[0]);
}

}  // namespace
}  // namespace imagent
