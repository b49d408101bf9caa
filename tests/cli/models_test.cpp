// The commands `models list, pull, info, verify, rm` of the built program, on a cache that it filled itself.
#include <gtest/gtest.h>

#include "cli/spawn.h"
#include "hub/cache.h"
#include "hub/fake_hub.h"
#include "support/golden.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

struct ModelsTest : testing::Test {
  FakeHub hub;
  Scratch scratch;
  std::map<std::string, std::string> variables = {{"HF_ENDPOINT", hub.endpoint()}, {"HF_HUB_CACHE", (scratch / "cache").string()}, {"HOME", scratch.path().string()},
                                                  {"no_proxy", "127.0.0.1"}, {"IMAGENT_MODELS_DIR", (scratch / "models").string()}};
  fs::path model = scratch / "cache/models--org--model";
  fs::path snapshot = model / "snapshots" / FakeHub::commit;

  Finished models(Words words, const std::string& input = "") const {
    words.insert(words.begin(), "models");
    return run(words, {.variables = variables, .input = input});
  }
  Json json(Words words) const {
    words.push_back("--json");
    const Finished done = models(words);
    EXPECT_EQ(done.err, "");
    return Json::parse(done.out, nullptr, false);
  }
  void pull_toy() {
    hub.add_folder(golden("models/sd15-tiny"));
    ASSERT_EQ(models({"pull", "org/model", "-q"}).code, 0);
  }
  // A second snapshot beside the first, which shares all but one of its files.
  std::string add_revision() {
    const std::string commit(40, 'b');
    const HubCache cache(scratch / "cache", {.name = "org/model"});
    for (const auto& entry : fs::recursive_directory_iterator(snapshot))
      if (!entry.is_directory()) cache.link(commit, entry.path().lexically_relative(snapshot).string(), fs::read_symlink(entry.path()).filename());
    write_bytes(model / "blobs/own", "of the second");
    cache.link(commit, "own.json", "own");
    cache.write_ref("refs/pr/1", commit);
    return commit;
  }
  size_t blobs() const { return static_cast<size_t>(std::distance(fs::directory_iterator(model / "blobs"), fs::directory_iterator())); }
};

TEST_F(ModelsTest, ListShowsWhatIsHere) {
  pull_toy();
  fs::create_directories(scratch / "models");
  fs::copy(golden("formats/ldm/sdxl-turbo_single.safetensors"), scratch / "models/tiny.safetensors");
  write_bytes(scratch / "models/broken.safetensors", "x");
  const Json list = json({"list"});
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0]["name"], "demo");
  EXPECT_EQ(list[0]["where"], "built-in");
  EXPECT_EQ(list[1]["name"], "broken.safetensors");
  EXPECT_TRUE(list[1]["fault"].is_string());
  EXPECT_EQ(list[2]["name"], "org/model");
  EXPECT_EQ(list[2]["kind"], "sd");
  EXPECT_EQ(list[2]["dtype"], "f16");
  EXPECT_EQ(list[2]["where"], "hub cache");
  EXPECT_EQ(list[2]["revision"], FakeHub::commit);
  EXPECT_EQ(list[2]["revisions"][0]["refs"], Json::array({"main"}));
  EXPECT_EQ(list[3]["name"], "tiny.safetensors");
  EXPECT_EQ(list[3]["where"], "models folder");
  const Finished table = models({"list"});
  EXPECT_TRUE(table.out.starts_with("NAME                KIND ")) << table.out;
  EXPECT_NE(table.out.find("unreadable\n"), std::string::npos) << table.out;
  fs::remove(snapshot / "vae/config.json");
  EXPECT_NE(models({"list"}).out.find("incomplete: 1 file missing\n"), std::string::npos);
}

TEST_F(ModelsTest, InfoTellsHashRevisionsAndMemory) {
  pull_toy();
  const Json info = json({"info", "org/model", "-W", "128", "-H", "64", "--dtype", "f32"});
  EXPECT_EQ(info["memory"]["width"], 128);
  EXPECT_EQ(info["memory"]["dtype"], "f32");
  EXPECT_GT(info["memory"]["weights_bytes"], 1000000);
  EXPECT_LT(info["memory"]["weights_bytes"], 10000000);
  EXPECT_LT(info["memory"]["activations_bytes"], json({"info", "org/model", "-W", "256", "-H", "256", "--dtype", "f32"})["memory"]["activations_bytes"]);
  EXPECT_EQ(info["prediction"], "epsilon");
  EXPECT_TRUE(info["sha256"].is_null());
  const std::string other = add_revision();
  EXPECT_EQ(json({"info", "org/model"})["revision"], FakeHub::commit);
  EXPECT_EQ(json({"info", "org/model@refs/pr/1"})["revision"], other);
  EXPECT_EQ(json({"info", "org/model"})["revisions"][1]["refs"], Json::array({"refs/pr/1"}));
  fs::remove(fs::canonical(snapshot / "unet/diffusion_pytorch_model.safetensors"));
  EXPECT_EQ(json({"info", "org/model"})["missing"], Json::array({"unet/diffusion_pytorch_model.safetensors"}));
  EXPECT_EQ(models({"info", "org/modle"}).code, 3);
  EXPECT_EQ(models({"info", "org/model@nothing"}).code, 3);
}

TEST_F(ModelsTest, HashesOfSingleFilesAreRemembered) {
  write_bytes(scratch / "models/a.ckpt", "abc");
  const fs::path remembered = scratch / ".cache/imagent/hashes.json";
  EXPECT_EQ(json({"info", "a"})["sha256"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(json({"info", "a"})["hash"], "ba7816bf8f");
  std::string text = read_bytes(remembered);
  const size_t at = text.find("ba7816bf8f");
  ASSERT_NE(at, std::string::npos) << text;
  write_bytes(remembered, text.replace(at, 10, "0000000000"));
  EXPECT_EQ(json({"info", "a"})["hash"], "0000000000") << "read again instead of remembered";
  write_bytes(scratch / "models/a.ckpt", "abcd");
  EXPECT_EQ(json({"info", (scratch / "models/a.ckpt").string()})["hash"], "88d4266fd4");
  write_bytes(remembered, "{");
  EXPECT_EQ(json({"info", "a"})["hash"], "88d4266fd4");
}

TEST_F(ModelsTest, VerifyNamesWhatIsWrong) {
  pull_toy();
  const Json good = json({"verify", "org/model"});
  EXPECT_EQ(good["good"], true);
  EXPECT_EQ(good["files"].size(), 12u);
  const std::string weights = "unet/diffusion_pytorch_model.safetensors";
  std::string bytes = read_bytes(snapshot / weights);
  bytes.back() ^= 1;
  write_bytes(fs::canonical(snapshot / weights), bytes);
  fs::remove(snapshot / "vae/config.json");
  const Finished bad = models({"verify", "org/model"});
  EXPECT_EQ(bad.code, 3);
  EXPECT_NE(bad.out.find("corrupt   " + weights + ": its content is not what its name in the cache says\n"), std::string::npos) << bad.out;
  EXPECT_NE(bad.out.find("missing   vae/config.json\n"), std::string::npos) << bad.out;
  EXPECT_NE(bad.err.find("2 of 12 files of org/model are damaged or missing: imagent models rm org/model and imagent models pull org/model"), std::string::npos) << bad.err;
  write_bytes(scratch / "models/a.safetensors", "abc");
  const Finished broken = models({"verify", "a"});
  EXPECT_EQ(broken.code, 3);
  EXPECT_NE(broken.out.find("corrupt   a.safetensors: "), std::string::npos) << broken.out;
}

TEST_F(ModelsTest, RemoveAsksAndTakesNothingElse) {
  pull_toy();
  write_bytes(scratch / "models/a.ckpt", "abc");
  for (const char* answer : {"", "n\n", "nay\n"}) {
    const Finished kept = models({"rm", "org/model"}, answer);
    EXPECT_EQ(kept.code, 1);
    EXPECT_NE(kept.err.find("remove org/model (1."), std::string::npos) << kept.err;
    EXPECT_NE(kept.err.find("MB) from the hub cache? [y/N] nothing was removed\n"), std::string::npos) << kept.err;
  }
  EXPECT_TRUE(fs::exists(snapshot));
  EXPECT_EQ(models({"rm", "org/model"}, "yes\n").code, 0);
  EXPECT_FALSE(fs::exists(model));
  EXPECT_EQ(models({"rm", "org/model", "--yes"}).code, 3);
  EXPECT_EQ(models({"rm", golden("models/sd15-tiny").string(), "--yes"}).code, 2);
  EXPECT_EQ(models({"rm", "demo", "--yes"}).code, 2);
  EXPECT_EQ(models({"rm", "a", "--yes"}).code, 0);
  EXPECT_FALSE(fs::exists(scratch / "models/a.ckpt"));
}

TEST_F(ModelsTest, RemovingARevisionKeepsWhatOthersNeed) {
  pull_toy();
  const size_t before = blobs();
  const std::string other = add_revision();
  EXPECT_EQ(blobs(), before + 1);
  EXPECT_EQ(json({"rm", "org/model@refs/pr/1", "--yes"})["freed_bytes"], 13);
  EXPECT_EQ(blobs(), before);
  EXPECT_FALSE(fs::exists(model / "snapshots" / other));
  EXPECT_FALSE(fs::exists(model / "refs/refs/pr/1"));
  EXPECT_EQ(json({"verify", "org/model"})["good"], true);
  add_revision();
  EXPECT_EQ(json({"rm", "org/model@main", "--yes"})["freed_bytes"], 0);
  EXPECT_FALSE(fs::exists(snapshot));
  EXPECT_EQ(blobs(), before + 1) << "the other revision links to all of them";
  EXPECT_EQ(models({"rm", "org/model@refs/pr/1", "--yes"}).code, 0);
  EXPECT_FALSE(fs::exists(model)) << "with the last revision goes the model";
}

TEST_F(ModelsTest, RemovingNeverFollowsLinksOutOfTheCache) {
  pull_toy();
  add_revision();
  write_bytes(scratch / "elsewhere/file", "precious");
  fs::create_symlink(scratch / "elsewhere/file", model / "snapshots" / std::string(40, 'b') / "link");
  EXPECT_EQ(models({"rm", "org/model@refs/pr/1", "--yes"}).code, 0);
  EXPECT_TRUE(fs::exists(scratch / "elsewhere/file"));
  add_revision();
  fs::rename(model / "blobs", scratch / "elsewhere/blobs");
  fs::create_symlink(scratch / "elsewhere/blobs", model / "blobs");
  const Finished refused = models({"rm", "org/model@refs/pr/1", "--yes"});
  EXPECT_EQ(refused.code, 3);
  EXPECT_NE(refused.err.find("is a link"), std::string::npos) << refused.err;
  EXPECT_EQ(models({"rm", "org/model", "--yes"}).code, 0);
  EXPECT_FALSE(fs::exists(model));
  EXPECT_TRUE(fs::exists(scratch / "elsewhere/blobs/own"));
}

}  // namespace
}  // namespace imagent::test
