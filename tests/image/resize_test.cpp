// Against Pillow, bit for bit (tools/golden/resize.py).
#include "image/resize.h"

#include "base/error.h"
#include "support/golden.h"

namespace imagent {

namespace {

Resample filter_named(const std::string& name) {
  const std::map<std::string, Resample> filters = {{"nearest", Resample::nearest}, {"box", Resample::box}, {"bilinear", Resample::bilinear},
                                                   {"bicubic", Resample::bicubic}, {"lanczos", Resample::lanczos}};
  return filters.at(name);
}

}  // namespace

TEST(Resize, EqualsPillow) {
  const auto index = test::read_json(test::golden("image/resize.json"));
  const std::string data = test::read_text(test::golden("image/resize.bin"));
  ASSERT_EQ(index["cases"].size(), 120u);
  for (const auto& c : index["cases"]) {
    Image image(c["size"][0], c["size"][1], c["channels"]);
    const auto from = data.begin() + c["input"].get<long>();
    std::copy(from, from + static_cast<long>(image.pixels.size()), image.pixels.begin());
    Image expected(c["to"][0], c["to"][1], c["channels"]);
    const auto to = data.begin() + c["expected"].get<long>();
    std::copy(to, to + static_cast<long>(expected.pixels.size()), expected.pixels.begin());
    EXPECT_EQ(resize(image, expected.width, expected.height, filter_named(c["filter"])), expected) << c.dump();
  }
}

TEST(Resize, SameSizeIsTheSamePicture) {
  Image image(3, 2, 4);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i * 11);
  EXPECT_EQ(resize(image, 3, 2), image);
}

TEST(Resize, BadSizesAreErrors) { EXPECT_THROW(resize(Image(2, 2, 3), 0, 4), Error); }

}  // namespace imagent
