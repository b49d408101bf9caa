// Recognising formats by content, and models in shards.
#include "weights/open.h"

#include <fstream>

#include "weights/format_cases.h"
#include "weights/safetensors.h"
#include "weights/shards.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::model) << error.text;
    return error.text;
  }
  return "";
}

TEST(OpenWeights, RecognisesFormatsByContent) {
  const std::pair<const char*, const char*> files[] = {{"pickle/ok_zip_nested.ckpt", "torch"},
                                                       {"pickle/ok_legacy.ckpt", "torch"},
                                                       {"pickle/bad_plain_pickle.ckpt", "torch"},
                                                       {"gguf/all_types.gguf", "gguf"},
                                                       {"safetensors/ok_minimal.safetensors", "safetensors"},
                                                       {"sharded/vae/diffusion_pytorch_model.safetensors.index.json", "index of shards"}};
  for (const auto& [file, format] : files) {
    const WeightFormat* found = weight_format_of(golden(std::string("formats/") + file));
    ASSERT_NE(found, nullptr) << file;
    EXPECT_EQ(found->name, format) << file;
  }
  EXPECT_EQ(open_weights(golden("formats/gguf/ok_minimal.gguf"))->names(), std::vector<std::string>{"w"});
}

TEST(OpenWeights, EveryGoodAndBrokenFileOfEveryFormat) {
  for (const char* folder : {"pickle", "gguf", "safetensors"}) run_cases(folder, open_weights);
}

TEST(OpenWeights, SaysWhatUnknownContentIs) {
  const fs::path folder = fs::path(testing::TempDir()) / "open_weights";
  fs::create_directories(folder);
  const auto written = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  };
  EXPECT_NE(error_of([&] { open_weights(written("page.ckpt", "<!DOCTYPE html><html></html>")); }).find("page.ckpt is no weight file"), std::string::npos);
  EXPECT_NE(error_of([&] { open_weights(written("empty.ckpt", "")); }).find("is empty"), std::string::npos);
  EXPECT_NE(error_of([&] { open_weights(written("lfs.ckpt", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n")); }).find("Git LFS"), std::string::npos);
  EXPECT_NE(error_of([&] { open_weights(folder / "none"); }), "");
  EXPECT_NE(error_of([&] { open_weights(folder); }), "");
  fs::remove_all(folder);
}

TEST(Shards, HoldWhatTheWholeModelHolds) {
  const std::pair<const char*, const char*> parts[] = {{"text_encoder/model.safetensors.index.fp16.json", "text_encoder/model.safetensors"},
                                                       {"unet/diffusion_pytorch_model.safetensors.index.fp16.json", "unet/diffusion_pytorch_model.safetensors"},
                                                       {"vae/diffusion_pytorch_model.safetensors.index.json", "vae/diffusion_pytorch_model.safetensors"}};
  for (const auto& [index, whole] : parts) {
    const auto shards = open_shards(golden(std::string("formats/sharded/") + index));
    const auto model = open_safetensors(golden(std::string("models/sd15-lcm/") + whole));
    EXPECT_EQ(shards->names(), model->names());
    for (const std::string& name : model->names()) EXPECT_EQ(to_f32(shards->find(name).value()), to_f32(model->find(name).value())) << name;
  }
}

TEST(Shards, BrokenIndexesAreRefused) {
  const std::pair<const char*, const char*> cases[] = {{"missing_shard", "b.safetensors, which is missing"}, {"missing_tensor", "a.safetensors holds tensor v"},
                                                       {"path_traversal", "outside its folder"}, {"absolute_path", "outside its folder"},
                                                       {"not_an_object", "no weight_map"}};
  for (const auto& [name, part] : cases) {
    const std::string text = error_of([&] { open_shards(golden(str("formats/sharded/bad_", name, "/model.safetensors.index.json"))); });
    EXPECT_NE(text.find(part), std::string::npos) << name << ": " << text;
  }
}

}  // namespace
}  // namespace imagent::test
