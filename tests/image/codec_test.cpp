// File variants against Pillow (tools/golden/pictures.py), round trips, and the parameters text.
#include "image/codec.h"

#include "base/error.h"
#include "image/test_pictures.h"
#include "support/golden.h"

namespace imagent {

TEST(Codec, ReadsWhatPillowReads) {
  const auto index = test::read_json(test::golden("image/pictures.json"));
  const std::string data = test::read_text(test::golden("image/pictures.bin"));
  ASSERT_EQ(index["cases"].size(), 34u);
  for (const auto& c : index["cases"]) {
    SCOPED_TRACE(c["name"].get<std::string>());
    const Image image = read_image(test::golden("image/pictures/" + c["name"].get<std::string>()));
    Image expected(c["size"][0], c["size"][1], c["channels"]);
    const auto from = data.begin() + c["at"].get<long>();
    std::copy(from, from + static_cast<long>(expected.pixels.size()), expected.pixels.begin());
    ASSERT_EQ(image.width, expected.width);
    ASSERT_EQ(image.height, expected.height);
    ASSERT_EQ(image.channels, expected.channels);
    // Lossless files are equal; JPEG and lossy WebP decoders of other versions may round a sample differently.
    const bool lossless = c["name"].get<std::string>().ends_with(".png") || c["name"] == "lossless-alpha.webp";
    EXPECT_LE(test::largest_difference(image, expected), lossless ? 0 : 2);
  }
}

TEST(Codec, ReadsParametersOfOtherWriters) {
  const auto index = test::read_json(test::golden("image/pictures.json"));
  int with_text = 0;
  for (const auto& c : index["cases"]) {
    const std::string file = test::read_text(test::golden("image/pictures/" + c["name"].get<std::string>()));
    EXPECT_EQ(read_parameters(test::bytes_of(file)), c["parameters"].get<std::string>()) << c["name"];
    with_text += !c["parameters"].get<std::string>().empty();
  }
  EXPECT_EQ(with_text, 10);
}

TEST(Codec, LosslessRoundTripsWithParameters) {
  for (const int channels : {1, 3, 4})
    for (const ImageFormat format : {ImageFormat::png, ImageFormat::webp})
      for (const std::string& text : test::parameter_texts()) {
        const Image image = test::noise_picture(33, 21, channels);
        const auto file = encode_image(image, {.format = format, .lossless = true, .parameters = text});
        EXPECT_EQ(format_of_content(file), format);
        EXPECT_EQ(read_parameters(file), text);
        const Image back = decode_image(file);
        EXPECT_EQ(format == ImageFormat::webp && channels == 1 ? to_gray(back) : back, image);
        EXPECT_EQ(encode_image(image, {.format = format, .lossless = true, .parameters = text}), file);
      }
}

TEST(Codec, LossyRoundTripsStayClose) {
  const Image image = test::smooth_picture(64, 48);
  for (const ImageFormat format : {ImageFormat::jpeg, ImageFormat::webp})
    for (const std::string& text : test::parameter_texts()) {
      const auto file = encode_image(image, {.format = format, .quality = 95, .parameters = text});
      EXPECT_EQ(read_parameters(file), text);
      EXPECT_LE(test::largest_difference(decode_image(file), image), 12);
      EXPECT_EQ(encode_image(image, {.format = format, .quality = 95, .parameters = text}), file);
    }
  const auto small = encode_image(image, {.format = ImageFormat::jpeg, .quality = 30});
  EXPECT_LT(small.size(), encode_image(image, {.format = ImageFormat::jpeg, .quality = 95}).size());
}

TEST(Codec, TextChunkKindIsChosenAsPilDoes) {
  const auto has = [](const std::string& parameters, const std::string& kind) {
    const auto file = encode_image(Image(1, 1, 3), {.parameters = parameters});
    return std::string(file.begin(), file.end()).find(kind + "parameters") != std::string::npos;
  };
  EXPECT_TRUE(has("caf\u00e9", "tEXt"));
  EXPECT_TRUE(has("\u65e5", "iTXt"));
  EXPECT_FALSE(has("", "tEXt"));
}

TEST(Codec, FormatByExtension) {
  EXPECT_EQ(format_of_path("a/B.PNG"), ImageFormat::png);
  EXPECT_EQ(format_of_path("x.jpeg"), ImageFormat::jpeg);
  EXPECT_EQ(format_of_path("x.jpg"), ImageFormat::jpeg);
  EXPECT_EQ(format_of_path("x.webp"), ImageFormat::webp);
  EXPECT_EQ(test::error_of([] { format_of_path("x.bmp"); }),
            "cannot tell the picture format of \"x.bmp\": its name must end in .png, .jpg, .jpeg or .webp");
}

TEST(Codec, ErrorsSayWhatIsWrong) {
  const std::string animated = test::golden("image/pictures/animated.webp").string();
  EXPECT_EQ(test::error_of([&] { read_image(animated); }), "cannot read " + animated + ": it is an animated WebP; only still pictures are read");
  EXPECT_EQ(test::error_of([] { decode_image(test::bytes_of("GIF89a..")); }), "cannot read image: it is neither PNG, JPEG nor WebP");
  EXPECT_EQ(test::error_of([] { decode_image({}); }), "cannot read image: it is empty");
  EXPECT_EQ(test::error_of([] { encode_image(Image(1, 1, 3), {.format = ImageFormat::jpeg, .quality = 101}); }), "quality 101 is not in 0..100");
  EXPECT_NE(test::error_of([] { encode_image(Image(1, 1, 3), {.format = ImageFormat::jpeg, .parameters = std::string(40000, 'x')}); }).find("too long for a JPEG"),
            std::string::npos);
  EXPECT_NE(test::error_of([] { read_image("no/such.png"); }).find("no/such.png"), std::string::npos);
}

}  // namespace imagent
