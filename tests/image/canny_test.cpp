// Against OpenCV, bit for bit (tools/golden/canny.py).
#include "image/canny.h"

#include <gtest/gtest.h>

#include "support/golden.h"

namespace imagent::test {
namespace {

TEST(Canny, EqualsOpenCv) {
  const auto index = read_json(golden("image/canny.json"));
  const std::string data = read_text(golden("image/canny.bin"));
  ASSERT_EQ(index["cases"].size(), 6u);
  for (const auto& c : index["cases"]) {
    SCOPED_TRACE(c.dump());
    Image picture(c["size"][0], c["size"][1], c["channels"]);
    std::copy_n(data.begin() + c["input"].get<long>(), picture.pixels.size(), picture.pixels.begin());
    const Image edges = canny_edges(picture, {.low = c["low"], .high = c["high"]});
    ASSERT_EQ(edges.channels, 3);
    int wrong = 0, count = 0;
    for (size_t i = 0; i < edges.pixels.size(); ++i) {
      const auto expected = static_cast<uint8_t>(data[c["expected"].get<size_t>() + i / 3]);
      wrong += edges.pixels[i] != expected;
      count += edges.pixels[i] == 255;
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(count, 3 * c["edges"].get<int>());
  }
}

}  // namespace
}  // namespace imagent::test
