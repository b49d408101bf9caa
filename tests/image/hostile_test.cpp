// Damaged and hostile files: every one is a picture or an Error, soon and without much memory.
#include <zlib.h>

#include <chrono>
#include <map>
#include <random>

#include "image/exif.h"
#include "image/test_pictures.h"
#include "support/golden.h"

namespace imagent {

namespace {

using File = std::vector<uint8_t>;

std::map<std::string, File> files() {
  const Image image = test::smooth_picture(40, 30);
  const std::string text = test::parameter_texts().back();
  std::map<std::string, File> out = {
      {"png", encode_image(image, {.parameters = text})},
      {"jpeg", encode_image(image, {.format = ImageFormat::jpeg, .parameters = text})},
      {"webp", encode_image(image, {.format = ImageFormat::webp, .parameters = text})},
      {"webp lossless", encode_image(image, {.format = ImageFormat::webp, .lossless = true, .parameters = text})}};
  for (const char* name : {"progressive.jpg", "cmyk.jpg", "palette4-trns.png", "itxt-packed.png", "rgb-interlaced.png"}) {
    const std::string file = test::read_text(test::golden(std::string("image/pictures/") + name));
    out[name] = File(file.begin(), file.end());
  }
  return out;
}

// Decodes and reads the parameters; what it throws must be an Error of kind image or unsupported. True when it is a picture.
bool survives(const File& file) {
  bool decoded = true;
  for (const bool pixels : {true, false})
    try {
      if (pixels)
        decode_image(file, {.max_pixels = 100000});
      else
        read_parameters(file);
    } catch (const Error& error) {
      EXPECT_TRUE(error.kind == ErrorKind::image || error.kind == ErrorKind::unsupported) << error.text;
      decoded = decoded && !pixels;
    }
  return decoded;
}

void append_u32(File& out, uint32_t value) {
  for (int i = 3; i >= 0; --i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

void append_chunk(File& png, const std::string& type, const File& data) {
  append_u32(png, static_cast<uint32_t>(data.size()));
  const size_t begin = png.size();
  png.insert(png.end(), type.begin(), type.end());
  png.insert(png.end(), data.begin(), data.end());
  append_u32(png, static_cast<uint32_t>(crc32_z(0, png.data() + begin, png.size() - begin)));
}

File png_head(uint32_t width, uint32_t height) {
  File png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  File head;
  append_u32(head, width);
  append_u32(head, height);
  head.insert(head.end(), {8, 2, 0, 0, 0});
  append_chunk(png, "IHDR", head);
  return png;
}

File deflated(const File& data) {
  uLongf size = compressBound(data.size());
  File out(size);
  compress2(out.data(), &size, data.data(), data.size(), 9);
  out.resize(size);
  return out;
}

}  // namespace

TEST(Hostile, TruncationIsAnError) {
  for (const auto& [name, file] : files()) {
    ASSERT_TRUE(survives(file)) << name;
    // The last bytes may be metadata (WebP), an end marker (JPEG) or a checksum: pixels are complete without them.
    for (size_t part = 0; part < 16; ++part) {
      const File cut(file.begin(), file.begin() + static_cast<long>(file.size() * part / 16));
      const bool decoded = survives(cut);
      EXPECT_TRUE(!decoded || part > 8) << name << " cut at " << part << "/16";
    }
  }
}

TEST(Hostile, EveryShortPrefixIsAnError) {
  for (const auto& [name, file] : files())
    for (size_t length = 0; length < 64; ++length) EXPECT_FALSE(survives(File(file.begin(), file.begin() + static_cast<long>(length)))) << name << ' ' << length;
}

TEST(Hostile, FlippedBytes) {
  std::mt19937 random(11);
  int pictures = 0, total = 0;
  for (const auto& [name, file] : files())
    for (int i = 0; i < 500; ++i, ++total) {
      File damaged = file;
      for (unsigned n = 1 + random() % 4; n > 0; --n) damaged[random() % damaged.size()] = static_cast<uint8_t>(random());
      pictures += survives(damaged);
    }
  EXPECT_GT(pictures, 0);
  EXPECT_LT(pictures, total);
}

TEST(Hostile, SizesAreCheckedBeforeAllocation) {
  File huge = png_head(100000, 100000);
  append_chunk(huge, "IDAT", deflated(File(1000)));
  EXPECT_EQ(test::error_of([&] { decode_image(huge); }), "cannot read image: it has 100000x100000 pixels, more than the limit of 67108864");
  File empty = png_head(8000, 8000);
  append_chunk(empty, "IDAT", deflated(File(1000)));
  EXPECT_NE(test::error_of([&] { decode_image(empty); }).find("cannot hold 8000x8000 pixels"), std::string::npos);
  for (const auto& [name, file] : files())
    EXPECT_NE(test::error_of([&] { decode_image(file, {.max_pixels = 100}); }).find("more than the limit of 100"), std::string::npos) << name;
}

TEST(Hostile, TextBombsAreBounded) {
  const auto start = std::chrono::steady_clock::now();
  const File valid = encode_image(Image(2, 2, 3));
  const size_t after_head = 8 + 25;
  const auto inserted = [&](const std::string& type, const std::string& prefix, const File& packed, int times) {
    File png(valid.begin(), valid.begin() + after_head);
    File data(prefix.begin(), prefix.end());
    data.insert(data.end(), packed.begin(), packed.end());
    for (int i = 0; i < times; ++i) append_chunk(png, type, data);
    png.insert(png.end(), valid.begin() + after_head, valid.end());
    return png;
  };
  const File bomb = deflated(File(size_t{256} << 20, 'x'));
  using namespace std::string_literals;
  for (const File& png : {inserted("zTXt", "parameters\0\0"s, bomb, 20), inserted("iTXt", "parameters\0\1\0\0\0"s, bomb, 20), inserted("iCCP", "p\0\0"s, bomb, 1),
                          inserted("tEXt", "other\0text"s, {}, 100000), inserted("zzZz", "?", {}, 100000)}) {
    EXPECT_EQ(decode_image(png).width, 2);
    EXPECT_EQ(read_parameters(png), "");
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(Hostile, ProgressiveScansAreLimited) {
  const std::string source = test::read_text(test::golden("image/pictures/progressive.jpg"));
  const size_t scan = source.find("\xFF\xDA"), end = std::min(source.find("\xFF\xC4", scan), source.find("\xFF\xDA", scan + 2));
  ASSERT_LT(end, source.size());
  std::string file = source.substr(0, end);
  for (int i = 0; i < 5000; ++i) file += source.substr(scan, end - scan);
  file += source.substr(end);
  EXPECT_EQ(test::error_of([&] { decode_image(test::bytes_of(file)); }), "cannot read image: damaged JPEG: more than 200 scans");
}

TEST(Hostile, RandomExif) {
  std::mt19937 random(3);
  const File valid = exif_with_user_comment("a cat");
  EXPECT_EQ(exif_user_comment(valid), "a cat");
  for (int i = 0; i < 20000; ++i) {
    File damaged = valid;
    damaged.resize(random() % (valid.size() + 1));
    for (int n = 0; n < 3 && !damaged.empty(); ++n) damaged[random() % damaged.size()] = static_cast<uint8_t>(random());
    const int orientation = exif_orientation(damaged);
    EXPECT_TRUE(orientation >= 1 && orientation <= 8);
    exif_user_comment(damaged);
  }
}

}  // namespace imagent
