// Which file of a part is taken, and that every format of it holds the same tensors.
#include "pipeline/part_files.h"

#include <unistd.h>

#include "base/error.h"
#include "base/str.h"
#include "pipeline/convert.h"
#include "pipeline/model_folder.h"
#include "support/golden.h"
#include "support/write_torch.h"
#include "weights/format_cases.h"
#include "weights/open.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

// A copy of the smallest toy model whose files may be changed.
struct Copy {
  fs::path path = fs::temp_directory_path() / str("imagent-parts-", getpid());
  Copy() { fs::copy(golden("models/sd15-tiny"), path, fs::copy_options::recursive); }
  ~Copy() { fs::remove_all(path); }

  std::string taken(const std::string& part, bool half) const { return ModelFolder(path).weights_file(part, half).filename().string(); }
};

void expect_toy(const ModelFolder& model) {
  const ModelFolder want(golden("models/sd15-tiny"));
  for (const std::string part : {"unet", "vae", "text_encoder"}) {
    const auto ours = model.weights(part, false), theirs = want.weights(part, false);
    ASSERT_EQ(ours->names(), theirs->names());
    for (const std::string& name : theirs->names()) expect_same(*ours->find(name), *theirs->find(name));
  }
}

TEST(PartFiles, EveryFormatHoldsTheSameTensors) {
  const Copy copy;
  expect_toy(ModelFolder(copy.path));
  for (const std::string part : {"unet", "vae", "text_encoder"}) {
    const bool text = part == "text_encoder";
    const fs::path file = copy.path / part / (text ? "model.safetensors" : "diffusion_pytorch_model.safetensors");
    write_torch(copy.path / part / (text ? "pytorch_model.bin" : "diffusion_pytorch_model.bin"), *open_weights(file));
    EXPECT_EQ(copy.taken(part, true), file.filename().string()) << "safetensors come first";
    fs::remove(file);
    EXPECT_EQ(copy.taken(part, true), text ? "pytorch_model.bin" : "diffusion_pytorch_model.bin");
  }
  expect_toy(ModelFolder(copy.path));
  const fs::path folder = copy.path / "unet";
  convert_model({.input = folder / "diffusion_pytorch_model.bin", .output = folder / "diffusion_pytorch_model.gguf"});
  fs::remove(folder / "diffusion_pytorch_model.bin");
  expect_toy(ModelFolder(copy.path));
}

TEST(PartFiles, ShardsOfPyTorch) {
  const Copy copy;
  const fs::path folder = copy.path / "vae", whole = folder / "diffusion_pytorch_model.safetensors";
  fs::rename(whole, copy.path / "whole");
  const auto source = open_weights(copy.path / "whole");
  write_torch(folder / "diffusion_pytorch_model-00001-of-00001.bin", *source);
  nlohmann::json index;
  for (const std::string& name : source->names()) index["weight_map"][name] = "diffusion_pytorch_model-00001-of-00001.bin";
  std::ofstream(folder / "diffusion_pytorch_model.bin.index.json") << index;
  expect_toy(ModelFolder(copy.path));
  for (auto& [name, file] : index["weight_map"].items()) file = "diffusion_pytorch_model.bin.index.json";  // names itself
  std::ofstream(folder / "diffusion_pytorch_model.bin.index.json") << index;
  EXPECT_THROW(ModelFolder(copy.path).weights("vae", false), Error);
}

TEST(PartFiles, TheHalfVariantWhenItIsSmaller) {
  const Copy copy;
  const fs::path folder = copy.path / "unet", full = folder / "diffusion_pytorch_model.safetensors", half = folder / "diffusion_pytorch_model.fp16.safetensors";
  fs::copy(full, half);
  EXPECT_EQ(copy.taken("unet", true), full.filename().string()) << "of the same size";
  EXPECT_EQ(copy.taken("unet", false), full.filename().string());
  convert_model({.input = half, .output = full, .dtype = "f32", .force = true});
  EXPECT_EQ(copy.taken("unet", true), half.filename().string());
  EXPECT_EQ(copy.taken("unet", false), full.filename().string());
  fs::remove(full);
  EXPECT_EQ(copy.taken("unet", false), half.filename().string()) << "there is no other";
  fs::rename(half, full);
  fs::copy(golden("formats/sharded/unet"), folder, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  EXPECT_EQ(copy.taken("unet", false), full.filename().string());
  EXPECT_EQ(copy.taken("unet", true), "diffusion_pytorch_model.safetensors.index.fp16.json") << "of shards the sum counts";
  fs::remove(full);
  EXPECT_EQ(copy.taken("unet", false), "diffusion_pytorch_model.safetensors.index.fp16.json");
}

TEST(PartFiles, NothingThereIsSaid) {
  try {
    part_weights_file(golden("models/sd15/tokenizer"), "unet", false);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::model);
    EXPECT_NE(error.text.find("diffusion_pytorch_model.safetensors"), std::string::npos);
  }
}

}  // namespace
}  // namespace imagent::test
