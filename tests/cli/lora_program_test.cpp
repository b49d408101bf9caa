// LoRAs and embeddings by the program's flags.
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/spawn.h"
#include "support/golden.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

struct LoraProgram : testing::Test {
  Words draw(const Words& more, const std::string& prompt = "a red house in the garden") const {
    Words words = {"txt2img", "-p", prompt, "-m", golden("models/sd15").string(), "-W", "64", "-H", "64", "--steps", "1", "-s", "7", "-o", (scratch / "x.png").string()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  static std::string file(const std::string& name) { return golden("adapters/" + name + ".safetensors").string(); }
  std::string picture() const { return read_text(scratch / "x.png"); }

  Scratch scratch;
  const std::string folder = golden("adapters").string();
};

TEST_F(LoraProgram, TakesNamesAndPathsSeveralTimes) {
  const Finished paths = run(draw({"--lora", file("kohya") + ":0.5", "--lora", file("kohya_second") + ":-1", "-v"}));
  ASSERT_EQ(paths.code, 0) << paths.err;
  EXPECT_NE(paths.err.find("lora kohya: 150 of 150 applied\nlora kohya_second: 88 of 88 applied\n"), std::string::npos) << paths.err;
  const std::string by_path = picture();
  ASSERT_EQ(run(draw({"--lora", "kohya:0.5", "--lora", "kohya_second.safetensors:-1", "--lora-dir", folder})).code, 0);
  const auto pixels = [](const std::string& png) { return png.substr(png.find("IDAT")); };  // names stand before, in the text
  EXPECT_EQ(pixels(picture()), pixels(by_path));
  ASSERT_EQ(run(draw({}, "a red house in the garden<lora:kohya:0.5><lora:kohya_second:-1>"), {.variables = {{"IMAGENT_LORA_DIR", folder}}}).code, 0);
  EXPECT_EQ(pixels(picture()), pixels(by_path));
  ASSERT_EQ(run(draw({})).code, 0);
  EXPECT_NE(pixels(picture()), pixels(by_path));
}

TEST_F(LoraProgram, RefusesWithOneLine) {
  struct Case {
    Words flags;
    std::string prompt;
    int code;
    std::string says;
  };
  const std::string plain = "a red house";
  for (const Case& c : {Case{{"--lora", "kohya"}, plain, 2, "no folder of LoRAs is given (--lora-dir)"},
                        Case{{"--lora", "koya", "--lora-dir", folder}, plain, 2, "did you mean kohya?"},
                        Case{{"--lora", ""}, plain, 2, "--lora \"\": should be NAME, NAME:WEIGHT"},
                        Case{{"--lora-dir", folder}, "a <lora:../adapters/kohya:1>", 2, "there is no LoRA \"../adapters/kohya\""},
                        Case{{"--lora-dir", folder}, "a <lora:kohya:much>", 2, "should be a number"},
                        Case{{"--lora", file("partial_unknown_module")}, plain, 3, "no place for lora_unet_down_blocks_9_attentions_0_proj_in"},
                        Case{{"--lora", file("bad_shape")}, plain, 3, "changes [32,48], the layer is [32,32]"},
                        Case{{"--lora", file("bad_missing_up")}, plain, 3, "up is missing"},
                        Case{{"--lora", file("sdxl_kohya")}, plain, 3, "made for another kind of model"}}) {
    const Finished done = run(draw(c.flags, c.prompt));
    EXPECT_EQ(done.code, c.code) << done.err;
    EXPECT_NE(done.err.find(c.says), std::string::npos) << done.err;
    EXPECT_FALSE(fs::exists(scratch / "x.png"));
  }
}

TEST_F(LoraProgram, GoesOnWithAWarningWhenLenient) {
  const Finished done = run(draw({"--lora", file("partial_unknown_module"), "--lora-lenient"}));
  EXPECT_EQ(done.code, 0);
  EXPECT_NE(done.err.find("lora partial_unknown_module: 3 of 4 applied; no place in sd15 for "), std::string::npos) << done.err;
}

TEST_F(LoraProgram, FindsEmbeddings) {
  fs::create_directory(scratch / "words");
  fs::copy_file(golden("adapters/textual_inversion/a1111_pt.pt"), scratch / "words/zqx.pt");
  const Words flags = {"--embeddings-dir", (scratch / "words").string()};
  ASSERT_EQ(run(draw(flags, "a red house, zqx")).code, 0);
  const Finished shown = run({"inspect", (scratch / "x.png").string()});
  EXPECT_NE(shown.out.find("zqx: a2832d326b42"), std::string::npos) << shown.out << shown.err;
}

}  // namespace
}  // namespace imagent::test
