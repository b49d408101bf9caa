// Looking at, verifying and removing what lies in a cache and in a folder of models.
#include <gtest/gtest.h>

#include "base/error.h"
#include "hub/fake_hub.h"
#include "hub/file_lock.h"
#include "hub/local_models.h"
#include "hub/model_files.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;
using State = FileCheck::State;

struct LocalModelsTest : testing::Test {
  LocalModelsTest() {
    ::setenv("no_proxy", "127.0.0.1", 1);
    hub.add_pipeline();
    snapshot = pull_model(hub.settings(places.hub_cache), "org/model");
  }
  FakeHub hub;
  TemporaryFolder folder;
  ModelPlaces places{.hub_cache = folder / "cache", .models_folder = folder / "models"};
  fs::path snapshot;
};

TEST_F(LocalModelsTest, ListsBothPlaces) {
  write_bytes(folder / "models/big.safetensors", std::string(1234, 'x'));
  write_bytes(folder / "models/notes.txt", "x");
  write_bytes(folder / "models/xl/model_index.json", R"({"text_encoder": ["a", "b"], "text_encoder_2": ["a", "b"]})");
  write_bytes(folder / "models/xl/unet/config.json", R"({"in_channels": 9})");
  const std::vector<LocalModel> models = list_local_models(places);
  ASSERT_EQ(models.size(), 3u);
  EXPECT_EQ(models[0].name, "big.safetensors");
  EXPECT_EQ(models[0].kind, "single file");
  EXPECT_EQ(models[0].size_on_disk, 1234u);
  EXPECT_EQ(models[1].name, "org/model");
  EXPECT_EQ(models[1].kind, "sd1");
  EXPECT_EQ(models[1].path, snapshot);
  EXPECT_EQ(models[1].revision, FakeHub::commit);
  EXPECT_GT(models[1].size_on_disk, 250000u);
  EXPECT_LT(models[1].size_on_disk, 251000u);   // every blob once
  EXPECT_TRUE(models[1].missing.empty());
  EXPECT_EQ(models[2].kind, "sdxl-inpaint");
  EXPECT_FALSE(models[2].missing.empty());
}

TEST_F(LocalModelsTest, VerifyFindsWhatIsWrong) {
  for (const FileCheck& check : verify_model(find_local_model(places, "org/model"))) EXPECT_EQ(check.state, State::good) << check.file;
  write_bytes(fs::canonical(snapshot / "vae/diffusion_pytorch_model.safetensors"), some_bytes(30001));
  write_bytes(fs::canonical(snapshot / "unet/config.json"), "{ }");
  fs::remove(fs::canonical(snapshot / "text_encoder/model.safetensors"));
  fs::remove(snapshot / "model_index.json");
  std::map<std::string, State> states;
  const LocalModel model = find_local_model(places, "org/model");
  verify_model(model, [&](const FileCheck& check) { states[check.file] = check.state; });
  EXPECT_EQ(states["vae/diffusion_pytorch_model.safetensors"], State::corrupt);
  EXPECT_EQ(states["unet/config.json"], State::corrupt);
  EXPECT_EQ(states["text_encoder/model.safetensors"], State::missing);
  EXPECT_EQ(states["tokenizer/merges.txt"], State::good);
  EXPECT_EQ(model.missing, std::vector<std::string>{"model_index.json"});
  EXPECT_THROW(verify_model(model, {}, [] { return true; }), Error);
}

TEST_F(LocalModelsTest, AFileOfOnesOwnHasAHashButNothingToCompareItWith) {
  write_bytes(folder / "models/a.safetensors", "abc");
  const auto checks = verify_model(find_local_model(places, "a.safetensors"));
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks[0].state, State::unknown);
  EXPECT_EQ(checks[0].sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(LocalModelsTest, RemoveFreesTheModelAndNothingElse) {
  write_bytes(folder / "models/a.safetensors", "abc");
  write_bytes(folder / "cache/models--org--other/refs/main", "x");
  const LocalModel model = find_local_model(places, "org/model");
  {
    const auto lock = FileLock::try_lock(folder / "cache/.locks/models--org--model/0.lock");
    ASSERT_TRUE(lock);
    EXPECT_THROW(remove_model(places, model), Error);
    EXPECT_TRUE(fs::exists(snapshot));
  }
  EXPECT_EQ(remove_model(places, model), model.size_on_disk);
  EXPECT_FALSE(fs::exists(folder / "cache/models--org--model"));
  EXPECT_FALSE(fs::exists(folder / "cache/.locks/models--org--model"));
  EXPECT_TRUE(fs::exists(folder / "cache/models--org--other"));
  remove_model(places, find_local_model(places, "a.safetensors"));
  EXPECT_FALSE(fs::exists(folder / "models/a.safetensors"));
  EXPECT_THROW(remove_model(places, {.name = "x", .path = folder / "cache", .kind = "unknown"}), Error);
  EXPECT_TRUE(fs::exists(folder / "cache"));
}

TEST_F(LocalModelsTest, AnUnknownNameIsAnsweredWithTheNearest) {
  try {
    find_local_model(places, "org/modle");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::model);
    EXPECT_NE(error.text.find("did you mean org/model?"), std::string::npos) << error.text;
  }
}

TEST(ModelFiles, Kinds) {
  const TemporaryFolder folder;
  const std::pair<std::string, std::string> modules[] = {{"AutoencoderKL", "vae"}, {"AutoencoderTiny", "taesd"}, {"ControlNetModel", "controlnet"}, {"Other", "unknown"}};
  for (const auto& [name, kind] : modules) {
    write_bytes(folder / "m/config.json", R"({"_class_name": ")" + name + "\"}");
    EXPECT_EQ(kind_of_model(folder / "m"), kind);
  }
  EXPECT_EQ(missing_files(folder / "m"), std::vector<std::string>{"diffusion_pytorch_model.safetensors"});
  write_bytes(folder / "m/diffusion_pytorch_model.safetensors.index.json", R"({"weight_map": {"a": "one.safetensors", "b": "../../two"}})");
  EXPECT_EQ(missing_files(folder / "m"), std::vector<std::string>{"one.safetensors"});
  write_bytes(folder / "l/pytorch_lora_weights.safetensors", "");
  EXPECT_EQ(kind_of_model(folder / "l"), "lora");
  EXPECT_EQ(kind_of_model(folder / "absent"), "unknown");
}

}  // namespace
}  // namespace imagent::test
