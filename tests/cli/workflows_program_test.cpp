// img2img, inpaint, outpaint and pix2pix from the outside, with the built-in model: files in, files out, refusals.
#include <gtest/gtest.h>

#include <fstream>

#include "cli/spawn.h"
#include "image/codec.h"
#include "image/compose.h"
#include "support/golden.h"

namespace imagent::test {
namespace {

using Words = std::vector<std::string>;

// A drawn picture and a mask over its middle, shared by the tests.
struct WorkflowProgram : testing::Test {
  static Scratch& scratch() {
    static Scratch folder;
    return folder;
  }
  static std::string file(const std::string& name) { return (scratch() / name).string(); }
  static void SetUpTestSuite() {
    ASSERT_EQ(run({"txt2img", "-p", "a red house", "-W", "72", "-H", "64", "--steps", "4", "-s", "5", "-o", file("in.png")}).code, 0);
    Image mask(72, 64, 1);
    paste(mask, filled(24, 24, 1, 255), 24, 20);
    const auto bytes = encode_image(mask);
    std::ofstream(file("mask.png"), std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    std::ofstream(file("broken.png")) << "no picture";
  }
  static Finished draw(Words words) {
    for (const char* word : {"-p", "a blue house", "--steps", "4", "-s", "1", "-q", "-o"}) words.emplace_back(word);
    words.push_back(file("out.png"));
    return run(words);
  }
  static Image in() { return read_image(file("in.png")); }
  static Image out() { return read_image(file("out.png")); }
  static std::string parameter(const std::string& key) {
    const auto report = nlohmann::json::parse(run({"inspect", "--json", file("out.png")}).out);
    return report["fields"].value(key, "");
  }
};

TEST_F(WorkflowProgram, ImageToImage) {
  const Finished done = draw({"img2img", "-i", file("in.png"), "--strength", "0.6"});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(out().width, 72);
  EXPECT_EQ(out().height, 64);
  EXPECT_NE(out(), in());
  EXPECT_EQ(parameter("Denoising strength"), "0.6");
  EXPECT_EQ(parameter("Mask blur"), "");
}

TEST_F(WorkflowProgram, Inpaint) {
  const Finished done = draw({"inpaint", "-i", file("in.png"), "--mask", file("mask.png"), "--mask-blur", "2", "--mask-fill", "latent_noise"});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(crop(out(), {0, 0, 72, 14}), crop(in(), {0, 0, 72, 14}));
  EXPECT_NE(crop(out(), {24, 20, 24, 24}), crop(in(), {24, 20, 24, 24}));
  EXPECT_EQ(parameter("Mask blur"), "2");
  EXPECT_EQ(parameter("Masked content"), "latent noise");
}

TEST_F(WorkflowProgram, InpaintOnlyTheMaskedPart) {
  const Finished done = draw({"inpaint", "-i", file("in.png"), "--mask", file("mask.png"), "--only-masked", "--mask-padding", "4", "-W", "64", "-H", "64"});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(crop(out(), {0, 0, 72, 10}), crop(in(), {0, 0, 72, 10}));
  EXPECT_EQ(parameter("Inpaint area"), "Only masked");
  EXPECT_EQ(parameter("Masked area padding"), "4");
}

TEST_F(WorkflowProgram, Outpaint) {
  const Finished done = draw({"outpaint", "-i", file("in.png"), "--outpaint", "16,0,8,0", "--mask-blur", "0"});
  ASSERT_EQ(done.code, 0) << done.err;
  ASSERT_EQ(out().width, 96);
  EXPECT_EQ(crop(out(), {16, 0, 72, 64}), in());
}

TEST_F(WorkflowProgram, Pix2pix) {
  const Finished done = draw({"pix2pix", "-i", file("in.png"), "-m", golden("models/sd15-pix2pix").string(), "--image-guidance", "1.8"});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(parameter("Image CFG scale"), "1.8");
}

TEST_F(WorkflowProgram, HiresPass) {
  const Finished done = draw({"txt2img", "-W", "64", "-H", "64", "--hires", "1.5", "--hires-steps", "2", "--hires-upscaler", "lanczos", "--save-latents", file("l.safetensors")});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(out().width, 96);
  EXPECT_EQ(parameter("Hires upscale"), "1.5");
  EXPECT_EQ(parameter("Hires steps"), "2");
  EXPECT_EQ(parameter("Hires upscaler"), "Lanczos");
  EXPECT_EQ(parameter("Denoising strength"), "0.7");
  EXPECT_EQ(parameter("Size-1"), "64");
  EXPECT_EQ(Arrays(file("l.safetensors"))["latents"].shape[3], 12);
}

// A network by its name in a folder, and a size of another shape.
TEST_F(WorkflowProgram, HiresPassByANetwork) {
  const Finished done = draw({"txt2img", "-W", "64", "-H", "64", "--hires-width", "128", "--hires-height", "96", "--hires-steps", "2", "--hires-strength", "0.3",
                              "--hires-upscaler", "compact_x4", "--upscalers-dir", golden("upscale").string()});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(out().width, 128);
  EXPECT_EQ(out().height, 96);
  EXPECT_EQ(parameter("Hires resize-1"), "128");
  EXPECT_EQ(parameter("Hires upscaler"), "compact_x4");
  const Image first = out();
  const std::string picture = file("hires.png");
  std::filesystem::rename(file("out.png"), picture);
  const Finished again = run({"txt2img", "--from", picture, "--upscalers-dir", golden("upscale").string(), "-o", file("out.png")});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(out(), first);
}

// What is transparent is drawn when there is no mask.
TEST_F(WorkflowProgram, InpaintTransparentParts) {
  Image cut = in();
  Image hole(cut.width, cut.height, 4);
  for (int y = 0; y < cut.height; ++y)
    for (int x = 0; x < cut.width; ++x) {
      std::copy_n(cut.at(x, y), 3, hole.at(x, y));
      hole.at(x, y)[3] = x >= 24 && x < 48 && y >= 20 && y < 44 ? 0 : 255;
    }
  const auto bytes = encode_image(hole);
  std::ofstream(file("hole.png"), std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  const Finished done = draw({"inpaint", "-i", file("hole.png"), "--mask-blur", "0"});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(crop(out(), {0, 0, 72, 16}), crop(in(), {0, 0, 72, 16}));
  EXPECT_NE(crop(out(), {24, 20, 24, 24}), crop(in(), {24, 20, 24, 24}));
}

// A replay says when it starts from something else.
TEST_F(WorkflowProgram, ReplayKnowsItsPicture) {
  ASSERT_EQ(draw({"img2img", "-i", file("in.png"), "--strength", "0.5"}).code, 0);
  const std::string picture = file("drawn.png");
  std::filesystem::rename(file("out.png"), picture);
  const Finished same = run({"img2img", "--from", picture, "-i", file("in.png"), "-o", file("out.png")});
  ASSERT_EQ(same.code, 0) << same.err;
  EXPECT_EQ(same.err.find("--from:"), std::string::npos) << same.err;
  EXPECT_EQ(out(), read_image(picture));
  const Finished other = run({"img2img", "--from", picture, "-i", picture, "-o", file("out.png")});
  ASSERT_EQ(other.code, 0) << other.err;
  EXPECT_NE(other.err.find("--from: the picture to start from is another one"), std::string::npos) << other.err;
}

TEST_F(WorkflowProgram, VariationsKeepTheirSeed) {
  const Finished done = draw({"txt2img", "-W", "64", "-H", "64", "--variation-seed", "9", "--variation-strength", "0.3", "--count", "2"});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, file("out.png") + " seed 1\n" + file("out_1.png") + " seed 1\n");
  EXPECT_EQ(parameter("Variation seed"), "9");
  EXPECT_EQ(parameter("Variation seed strength"), "0.3");
  EXPECT_NE(out(), read_image(file("out_1.png")));
}

TEST_F(WorkflowProgram, Refusals) {
  struct Case {
    Words words;
    int code;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{"txt2img", "-i", file("in.png")}, 2, "img2img"},
      {{"img2img"}, 2, "--init-image is missing"},
      {{"inpaint", "-i", file("in.png")}, 2, "--mask is missing"},
      {{"outpaint", "-i", file("in.png")}, 2, "--outpaint is missing"},
      {{"outpaint", "-i", file("in.png"), "--outpaint", "1,2"}, 2, "LEFT,TOP,RIGHT,BOTTOM"},
      {{"img2img", "-i", file("nothing.png")}, 2, "there is no such file"},
      {{"img2img", "-i", file("broken.png")}, 1, "broken.png"},
      {{"img2img", "-i", file("in.png"), "--strength", "1.5"}, 2, "from 0 to 1"},
      {{"img2img", "-i", file("in.png"), "--strength", "0"}, 2, "no step is left"},
      {{"img2img", "-i", file("in.png"), "--hires", "2"}, 2, "hires"},
      {{"pix2pix", "-i", file("in.png")}, 1, "not made for editing"},
      {{"txt2img", "-m", golden("models/sd15-inpaint").string()}, 1, "made for inpainting"},
      {{"txt2img", "--hires", "2", "--hires-upscaler", "magic"}, 2, "latent_nearest_exact"},
  };
  for (const Case& c : cases) {
    const Finished done = draw(c.words);
    EXPECT_EQ(done.code, c.code) << done.err;
    EXPECT_NE(done.err.find(c.says), std::string::npos) << done.err;
  }
}

}  // namespace
}  // namespace imagent::test
