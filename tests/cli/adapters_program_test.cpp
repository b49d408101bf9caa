// T2I-Adapters and IP-Adapters from the command line, against diffusers' pictures (golden/image_adapters).
#include <gtest/gtest.h>

#include "cli/spawn.h"
#include "image/codec.h"
#include "support/golden.h"
#include "support/pictures.h"

namespace imagent::test {
namespace {

struct AdapterProgram : testing::Test {
  Scratch scratch;
  static std::string data(const std::string& name) { return golden("image_adapters/" + name).string(); }

  Finished draw(const std::string& name, const std::vector<std::string>& flags) {
    const nlohmann::json c = read_json(data(name + "/case.json"));
    std::vector<std::string> words = {"txt2img", "-m", golden("models/" + c["model"].get<std::string>()).string(), "-p", c["prompt"], "-W", std::to_string(c["width"].get<int>()),
                                      "-H", std::to_string(c["height"].get<int>()), "--steps", std::to_string(c["steps"].get<int>()), "-s", "42", "--sampler", "ddim",
                                      "--compat", "diffusers", "--dtype", "f32", "-q", "-o", (scratch / "out.png").string()};
    words.insert(words.end(), flags.begin(), flags.end());
    return run(words);
  }
  void expect_picture_of(const std::string& name) {
    const PictureDifference d = difference(read_image(scratch / "out.png"), read_image(data(name + "/expected.png")));
    EXPECT_LE(d.largest, 3);
    EXPECT_GE(d.psnr, 60);
  }
};

TEST_F(AdapterProgram, T2IAdapterIsAControlNetAmongOthers) {
  const Finished done = draw("t2i-sd15", {"--control-net", data("t2i-sd15"), "--control-image", data("t2i-sd15/hint_0.png")});
  ASSERT_EQ(done.code, 0) << done.err;
  expect_picture_of("t2i-sd15");
}

TEST_F(AdapterProgram, SeveralIpAdapters) {
  const Finished done = draw("ip-sd15-two", {"--ip-adapter", data("ip-sd15.safetensors"), "--ip-image", data("ip-sd15-two/prompt_0.png"), "--ip-strength", "0.6", "--ip-adapter",
                                             data("ip-sd15-plus.bin"), "--ip-image", data("ip-sd15-two/prompt_1.png"), "--ip-strength", "0.5", "--ip-encoder", data("image_encoder")});
  ASSERT_EQ(done.code, 0) << done.err;
  expect_picture_of("ip-sd15-two");
}

TEST_F(AdapterProgram, AnIpAdapterWithoutItsPictureIsWrongUsage) {
  const Finished done = draw("ip-sd15-two", {"--ip-adapter", data("ip-sd15.safetensors")});
  EXPECT_EQ(done.code, 2);
  EXPECT_NE(done.err.find("the picture is missing (--ip-image)"), std::string::npos) << done.err;
}

}  // namespace
}  // namespace imagent::test
