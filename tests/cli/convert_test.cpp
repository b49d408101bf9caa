// The command convert from the outside: results, exit codes, one sentence for what is refused.
#include <gtest/gtest.h>

#include <fstream>

#include "cli/spawn.h"
#include "support/golden.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

const std::string model() { return golden("models/sd15-tiny").string(); }
size_t files_in(const fs::path& folder) { return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator())); }

TEST(ConvertCommand, WritesWhatTheOutputIsCalled) {
  const Scratch scratch;
  const std::string file = (scratch / "a.safetensors").string(), gguf = (scratch / "b.gguf").string(), folder = (scratch / "c/").string();
  const Finished first = run({"convert", model(), "-o", file, "--dtype", "bf16", "--json"});
  EXPECT_EQ(first.code, 0) << first.err;
  const auto report = nlohmann::json::parse(first.out);
  EXPECT_EQ(report["path"], file);
  EXPECT_GT(report["tensors"].get<int>(), 100);
  EXPECT_NE(first.err.find("100 %"), std::string::npos) << first.err;
  const Finished second = run({"convert", file, "-o", gguf, "--dtype", "q8_0", "-q"});
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_EQ(second.err, "");
  EXPECT_TRUE(second.out.starts_with(gguf + " ")) << second.out;
  EXPECT_EQ(run({"convert", gguf, "-o", folder, "--model-config", model(), "--shard-size", "1MB"}).code, 0);
  EXPECT_TRUE(fs::exists(scratch / "c/model_index.json"));
  EXPECT_TRUE(fs::exists(scratch / "c/unet/diffusion_pytorch_model.safetensors.index.json"));
  EXPECT_EQ(run({"convert", model(), "-o", (scratch / "odd.name").string(), "--to", "gguf", "--only", "vae, unet"}).code, 0);
  EXPECT_EQ(files_in(scratch.path()), 4u);
}

TEST(ConvertCommand, FaultsHaveTheirExitCodeAndOneLine) {
  const Scratch scratch;
  const std::string file = (scratch / "a.safetensors").string(), there = (scratch / "there.gguf").string();
  std::ofstream(there) << "x";
  struct Case {
    Words words;
    int code;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{"convert"}, 2, "convert needs one model"},
      {{"convert", model()}, 2, "--output is missing"},
      {{"convert", model(), "-o", file, "--dtype", "q9"}, 2, "should be one of keep, f32"},
      {{"convert", model(), "-o", file, "--dtype", "q8_0"}, 2, "quantised tensors are for GGUF"},
      {{"convert", model(), "-o", file, "--shard-size", "12"}, 2, "as in 5GB"},
      {{"convert", model(), "-o", file, "--only", "brush"}, 2, "has text_encoder, unet, vae"},
      {{"convert", model(), "-o", there}, 2, "--force"},
      {{"convert", (scratch / "missing").string(), "-o", file}, 3, "there is no model"},
      {{"convert", there, "-o", file}, 3, "there.gguf"},
      {{"convert", model(), "-o", file, "--lora", there}, 3, "there.gguf"},
      {{"convert", model(), "-o", (scratch / "no/a.gguf").string()}, 7, "there is no folder"},
      {{"convert", model(), "-o", "/dev/full", "--to", "gguf", "--force"}, 7, "No space left"},
  };
  for (const Case& c : cases) {
    Words words = c.words;
    words.push_back("-q");
    const Finished done = run(words);
    EXPECT_EQ(done.code, c.code) << done.err;
    EXPECT_EQ(done.out, "");
    EXPECT_TRUE(done.err.starts_with("imagent: ")) << done.err;
    EXPECT_NE(done.err.find(c.says), std::string::npos) << done.err;
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
  }
  EXPECT_EQ(files_in(scratch.path()), 1u);
}

}  // namespace
}  // namespace imagent::test
