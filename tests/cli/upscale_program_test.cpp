// The command `upscale` from the outside: files, metadata, memory, exit codes.
#include <gtest/gtest.h>

#include <fstream>

#include "cli/spawn.h"
#include "image/codec.h"
#include "image/infotext.h"
#include "support/golden.h"
#include "support/pictures.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::string upscale_golden(const std::string& name) { return golden("upscale/" + name).string(); }

void write_bytes(const fs::path& path, const std::vector<uint8_t>& bytes) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

std::string parameters_in(const fs::path& path) {
  const std::string file = read_text(path);
  return read_parameters({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
}

TEST(UpscaleProgram, WritesLargerPictures) {
  const Scratch scratch;
  const Finished done = run({"upscale", upscale_golden("input_a.png"), upscale_golden("input_odd.png"), "-m", upscale_golden("compact_x4.safetensors"), "-o", (scratch / "x_%d.png").string()});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, (scratch / "x_0.png").string() + " 96x80\n" + (scratch / "x_1.png").string() + " 92x76\n");
  EXPECT_LE(difference(read_image(scratch / "x_0.png"), read_image(upscale_golden("compact_x4_a.png"))).largest, 1);
  EXPECT_LE(difference(read_image(scratch / "x_1.png"), read_image(upscale_golden("compact_x4_odd.png"))).largest, 1);

  const Finished by_name = run({"upscale", upscale_golden("input_a.png"), "--upscaler", "compact_x4", "--upscalers-dir", golden("upscale").string(), "--scale", "1.5", "--tile", "16", "--json", "-o",
                                (scratch / "y.webp").string()});
  ASSERT_EQ(by_name.code, 0) << by_name.err;
  const auto object = nlohmann::json::parse(by_name.out);
  EXPECT_EQ(object["width"], 36);
  EXPECT_EQ(object["height"], 30);
  EXPECT_EQ(object["upscaler"], "compact_x4");
  EXPECT_NE(by_name.err.find("4/4"), std::string::npos) << by_name.err;
}

TEST(UpscaleProgram, KeepsTheParametersAndAddsItsOwn) {
  const Scratch scratch;
  const Image picture = read_image(upscale_golden("input_a.png"));
  const std::string before = "a red house\nNegative prompt: blurry\nSteps: 20, Sampler: Euler, Seed: 7, Size: 24x20";
  write_bytes(scratch / "drawn.png", encode_image(picture, {.parameters = before}));
  ASSERT_EQ(run({"upscale", (scratch / "drawn.png").string(), "-o", (scratch / "a.png").string(), "--scale", "2.5"}).code, 0);
  EXPECT_EQ(parameters_in(scratch / "a.png"), before + ", Postprocess upscale by: 2.5, Postprocess upscaler: Lanczos");
  ASSERT_EQ(run({"upscale", upscale_golden("input_a.png"), "-o", (scratch / "b.jpg").string(), "-m", upscale_golden("compact_x4.safetensors")}).code, 0);
  const Infotext info = read_infotext(parameters_in(scratch / "b.jpg"));
  ASSERT_TRUE(info.find("Postprocess upscaler"));
  EXPECT_EQ(*info.find("Postprocess upscaler"), "compact_x4");
  EXPECT_EQ(*info.find("Postprocess upscale by"), "4");
  ASSERT_EQ(run({"upscale", (scratch / "drawn.png").string(), "-o", (scratch / "c.png").string(), "--no-metadata"}).code, 0);
  EXPECT_EQ(parameters_in(scratch / "c.png"), "");
}

TEST(UpscaleProgram, SixteenMegapixelsNeedLittleMemory) {
  const Scratch scratch;
  Image picture(1024, 1024, 3);
  for (int y = 0; y < 1024; ++y)
    for (int x = 0; x < 1024; ++x) *picture.at(x, y) = static_cast<uint8_t>(x / 4);
  write_bytes(scratch / "in.png", encode_image(picture));
  const Finished done = run({"upscale", (scratch / "in.png").string(), "-m", upscale_golden("compact_x4.safetensors"), "-o", (scratch / "out.webp").string(), "--json", "-q"});
  ASSERT_EQ(done.code, 0) << done.err;
  const auto object = nlohmann::json::parse(done.out);
  EXPECT_EQ(object["width"], 4096);
  EXPECT_LT(object["peak_rss_mb"].get<double>(), 1500);
}

TEST(UpscaleProgram, FaultsHaveTheirExitCodeAndOneLine) {
  const Scratch scratch;
  std::ofstream(scratch / "text.png") << "no picture";
  const std::string picture = upscale_golden("input_a.png"), out = (scratch / "x.png").string();
  struct Case {
    Words words;
    int code;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{"-o", out}, 2, "upscale needs a picture"},
      {{picture, "-o", out, "--scale", "0"}, 2, "--scale \"0\": should be a number from 0.05 to 16"},
      {{picture, "-o", out, "--upscaler", "lanczo"}, 2, "did you mean lanczos?"},
      {{picture, "-o", out, "--upscaler", "lanczos", "-m", picture}, 2, "only one of them"},
      {{(scratch / "missing.png").string(), "-o", out}, 2, "there is no picture"},
      {{(scratch / "text.png").string(), "-o", out}, 1, "text.png"},
      {{picture, "-o", out, "-m", golden("models/sd15/vae/diffusion_pytorch_model.safetensors").string()}, 3, "is no upscaler"},
      {{picture, "-o", (scratch / "no/x.png").string()}, 7, "there is no folder"},
      {{picture, "-o", (scratch / "x.bmp").string()}, 2, ".png"},
      {{picture, picture, "-o", "-"}, 2, "standard output takes one picture"},
  };
  for (const Case& c : cases) {
    Words words = {"upscale"};
    words.insert(words.end(), c.words.begin(), c.words.end());
    const Finished done = run(words);
    EXPECT_EQ(done.code, c.code) << done.err;
    EXPECT_NE(done.err.find(c.says), std::string::npos) << done.err;
    EXPECT_EQ(done.out, "");
  }
  EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace imagent::test
