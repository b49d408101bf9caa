// Whole models converted between all formats: the tensors come back bit by bit, and so do the pictures.
#include "pipeline/convert.h"

#include <unistd.h>

#include "base/atomic_file.h"
#include "pipeline/cpu_engine.h"
#include "pipeline/folder_config.h"
#include "pipeline/part_files.h"
#include "pipeline/single_file.h"
#include "support/golden.h"
#include "support/zero_source.h"
#include "weights/format_cases.h"
#include "weights/open.h"
#include "weights/with_lora.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

struct TemporaryFolder {
  fs::path path = fs::temp_directory_path() / str("imagent-convert-", getpid());
  TemporaryFolder() { fs::create_directory(path); }
  ~TemporaryFolder() { fs::remove_all(path); }
  fs::path operator/(const std::string& name) const { return path / name; }
};

Image picture(const fs::path& model, const std::string& folder) {
  Request r;
  r.prompt = "a red house by the sea";
  r.model = model.string();
  if (!fs::is_directory(model)) r.model_config = golden("models/" + folder).string();
  r.steps = 2;
  r.seed = 7;
  r.width = r.height = 64;
  r.dtype = DType::f32;
  return engine().generate(r).results[0].image;
}

// `but`: names that end so need not be there.
void expect_equal(const Source& got, const Source& want, const std::string& but = "position_ids") {
  Shapes of_got = shapes_of(got), of_want = shapes_of(want);
  const auto spared = [&](const auto& entry) { return entry.first.ends_with(but); };
  std::erase_if(of_got, spared);
  std::erase_if(of_want, spared);
  ASSERT_EQ(of_got, of_want);
  for (const auto& [name, shape] : of_want) {
    SCOPED_TRACE(name);
    expect_same(*got.find(name), *want.find(name));
  }
}

void expect_equal_models(const ModelSource& got, const ModelSource& want) {
  for (const std::string part : {"unet", "vae", "text_encoder", "text_encoder_2"}) {
    SCOPED_TRACE(part);
    ASSERT_EQ(got.has(part), want.has(part));
    if (want.has(part)) expect_equal(*got.weights(part, false), *want.weights(part, false));
  }
}

const char* const toys[] = {"sd15", "sd15-inpaint", "sd15-pix2pix", "sd15-lcm", "sd15-tiny", "sd21", "sdxl", "sdxl-refiner", "sdxl-turbo"};

TEST(Convert, EveryToyModelThroughEveryFormat) {
  for (const std::string toy : toys) {
    SCOPED_TRACE(toy);
    const TemporaryFolder out;
    const fs::path folder = golden("models/" + toy), single = out / "a.safetensors", again = out / "again", gguf = out / "c.gguf", last = out / "d.safetensors";
    convert_model({.input = folder, .output = single});
    convert_model({.input = single, .output = again, .config = folder});
    convert_model({.input = again, .output = gguf});
    convert_model({.input = gguf, .output = last});
    const auto want = open_model_source(folder);
    expect_equal_models(*open_model_source(again), *want);
    for (const fs::path& file : {single, gguf, last}) expect_equal_models(*open_model_source(file, folder), *want);
    expect_equal(*open_weights(last), *open_weights(single));
    expect_equal(*open_weights(gguf), *open_weights(single));
    EXPECT_EQ(files_of_folder(again), files_of_folder(folder));
  }
}

TEST(Convert, PicturesStayTheSame) {
  for (const std::string toy : {"sd15", "sd21", "sdxl"}) {
    SCOPED_TRACE(toy);
    const TemporaryFolder out;
    const fs::path folder = golden("models/" + toy);
    const Image want = picture(folder, toy);
    for (const std::string name : {"x.safetensors", "x.gguf", "x"}) {
      convert_model({.input = folder, .output = out / name, .shard_size = name == "x" ? 1'000'000u : 0u});
      EXPECT_EQ(picture(out / name, toy), want) << name;
    }
    EXPECT_TRUE(fs::exists(out / "x/unet/diffusion_pytorch_model.safetensors.index.json"));
  }
}

TEST(Convert, PublishedSingleFilesKeepWhatTheyHold) {
  const TemporaryFolder out;
  const fs::path file = golden("formats/ldm/sd21_single.safetensors");
  convert_model({.input = file, .output = out / "all.safetensors"});
  expect_equal(*open_weights(out / "all.safetensors"), *open_weights(file), "nothing");
  convert_model({.input = file, .output = out / "pruned.safetensors", .dtype = "f16", .prune = true});
  const auto pruned = open_weights(out / "pruned.safetensors");
  EXPECT_FALSE(pruned->find("betas"));
  EXPECT_FALSE(pruned->find("model_ema.decay"));
  expect_equal_models(*open_model_source(out / "pruned.safetensors", golden("models/sd21")), *open_model_source(golden("models/sd21")));
  EXPECT_TRUE(open_weights(out / "all.safetensors")->find("betas"));
}

TEST(Convert, TypesAreAsAsked) {
  const TemporaryFolder out;
  const fs::path folder = golden("models/sd15");
  const std::string linear = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight", kernel = "model.diffusion_model.input_blocks.0.0.weight",
                    vector = "model.diffusion_model.input_blocks.0.0.bias", time = "model.diffusion_model.time_embed.0.weight";
  const auto type = [&](const std::string& dtype, const std::string& name) {
    const fs::path file = out / (dtype + ".safetensors");
    if (!fs::exists(file)) convert_model({.input = folder, .output = file, .dtype = dtype});
    return std::string(name_of(open_weights(file)->find(name)->dtype));
  };
  for (const std::string dtype : {"f32", "f16", "bf16"})
    for (const std::string& name : {linear, kernel, vector, time}) EXPECT_EQ(type(dtype, name), dtype);
  EXPECT_EQ(type("fp8_e4m3", linear) + type("fp8_e4m3", kernel) + type("fp8_e4m3", vector), "f8_e4m3f8_e4m3f16");
  EXPECT_EQ(type("fp8_e5m2", linear), "f8_e5m2");
  convert_model({.input = folder, .output = out / "q.gguf", .dtype = "q8_0"});
  std::string header = read_text(out / "q.gguf");
  const auto stored = [&](const std::string& name, size_t rank) { return static_cast<int>(header[header.find(name) + name.size() + 4 + 8 * rank]); };
  EXPECT_EQ(stored(linear, 2), 8);
  EXPECT_EQ(stored(kernel, 4), 1);
  EXPECT_EQ(stored(vector, 1), 0);
  EXPECT_EQ(stored(time, 2), 1);
  convert_model({.input = folder, .output = out / "k.gguf", .dtype = "q4_k"});
  header = read_text(out / "k.gguf");
  EXPECT_EQ(stored(linear, 2), 6);  // too narrow for blocks of 256: Q5_0
}

TEST(Convert, SmallerTypesStillDraw) {
  const TemporaryFolder out;
  const Image want = picture(golden("models/sd15"), "sd15");
  for (const auto& [dtype, extension] : {std::pair{"bf16", "safetensors"}, {"fp8_e4m3", "safetensors"}, {"q8_0", "gguf"}, {"q5_1", "gguf"}, {"q6_k", "gguf"}}) {
    const fs::path file = out / str("x.", dtype, ".", extension);
    convert_model({.input = golden("models/sd15"), .output = file, .dtype = dtype});
    const Image got = picture(file, "sd15");
    double sum = 0;
    for (size_t i = 0; i < got.pixels.size(); ++i) sum += std::abs(double(got.pixels[i]) - want.pixels[i]);
    EXPECT_LT(sum / static_cast<double>(got.pixels.size()), 20) << dtype;
    EXPECT_GT(sum, 0) << dtype;
  }
}

TEST(Convert, MetadataIsCarriedOver) {
  const TemporaryFolder out;
  convert_model({.input = golden("models/sd21"), .output = out / "a.safetensors"});
  const auto first = open_weights(out / "a.safetensors")->metadata();
  EXPECT_EQ(first.at("modelspec.architecture"), "stable-diffusion-v2-768-v");
  EXPECT_EQ(first.at("modelspec.prediction_type"), "v");
  EXPECT_EQ(first.at("modelspec.title"), "sd21");
  convert_model({.input = out / "a.safetensors", .output = out / "b.gguf"});
  convert_model({.input = out / "b.gguf", .output = out / "c", .config = golden("models/sd21")});
  convert_model({.input = out / "c", .output = out / "d.safetensors"});
  EXPECT_EQ(open_weights(out / "d.safetensors")->metadata(), first);
}

TEST(Convert, PartsAloneAndAnotherVae) {
  const TemporaryFolder out;
  const fs::path folder = golden("models/sd15"), other = golden("models/sd15-tiny");
  convert_model({.input = folder, .output = out / "vae.safetensors", .only = {"vae"}});
  EXPECT_TRUE(open_weights(out / "vae.safetensors")->find("decoder.conv_in.weight"));
  expect_equal(*open_vae(out / "vae.safetensors", false), *open_vae(folder, false));
  convert_model({.input = folder, .output = out / "unet.gguf", .only = {"unet"}});
  for (const std::string& name : open_weights(out / "unet.gguf")->names()) EXPECT_TRUE(name.starts_with("model.diffusion_model."));
  convert_model({.input = folder, .output = out / "part", .only = {"text_encoder"}});
  EXPECT_TRUE(fs::exists(out / "part/text_encoder/config.json"));
  EXPECT_FALSE(fs::exists(out / "part/model_index.json"));

  convert_model({.input = folder, .output = out / "mixed", .vae = other});
  expect_equal(*open_vae(out / "mixed", false), *open_vae(other, false));
  EXPECT_EQ(read_json(out / "mixed/vae/config.json"), read_json(other / "vae/config.json"));
  convert_model({.input = golden("formats/ldm/sd21_single.safetensors"), .output = out / "mixed.safetensors", .vae = out / "vae.safetensors"});
  expect_equal(*open_vae(out / "mixed.safetensors", false), *open_vae(folder, false));
}

TEST(Convert, LorasAreBakedIn) {
  const TemporaryFolder out;
  const fs::path folder = golden("models/sd15"), lora = golden("adapters/kohya.safetensors"), second = golden("adapters/kohya_second.safetensors");
  convert_model({.input = folder, .output = out / "x.safetensors", .loras = {{lora, 0.5f}, {second, -1.0f}}});
  const auto baked = open_model_source(out / "x.safetensors", folder), plain = open_model_source(folder);
  size_t changed = 0;
  for (const std::string part : {"unet", "text_encoder"}) {
    const auto base = plain->weights(part, false), got = baked->weights(part, false);
    const auto want = with_lora(base, part, {{open_lora(lora), {.multiplier = 0.5f}}, {open_lora(second), {.multiplier = -1.0f}}});
    for (const std::string& name : got->names()) {
      const std::vector<float> ours = to_f32(*got->find(name)), theirs = to_f32(*want->find(name));
      EXPECT_EQ(got->find(name)->dtype, base->find(name)->dtype);
      EXPECT_EQ(ours, theirs) << name;
      changed += ours != to_f32(*base->find(name));
    }
  }
  EXPECT_GT(changed, 20u);
}

TEST(Convert, FilesThatAreNoModelKeepTheirNames) {
  const TemporaryFolder out;
  const fs::path file = golden("formats/pickle/ok_zip_flat.pt");
  convert_model({.input = file, .output = out / "x.safetensors"});
  expect_equal(*open_weights(out / "x.safetensors"), *open_weights(file), "nothing");
  EXPECT_THROW(convert_model({.input = file, .output = out / "y.safetensors", .prune = true}), Error);
  EXPECT_FALSE(fs::exists(out / "y.safetensors"));
}

void expect_refused(const ConvertOptions& options, ErrorKind kind, const std::string& says) {
  try {
    convert_model(options);
    ADD_FAILURE() << "no error, expected: " << says;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, kind) << error.text;
    EXPECT_NE(error.text.find(says), std::string::npos) << error.text;
  }
}

TEST(Convert, WhatDoesNotGoTogetherIsSaid) {
  const TemporaryFolder out;
  const fs::path sd15 = golden("models/sd15"), st = out / "x.safetensors", gguf = out / "x.gguf", folder = out / "x";
  fs::create_directory(out / "full");
  write_file_atomically(out / "full/letter.txt", {});
  write_file_atomically(out / "file.gguf", {});
  const auto usage = ErrorKind::usage, model = ErrorKind::model;
  expect_refused({.input = sd15, .output = st, .dtype = "q8_0"}, usage, "quantised tensors are for GGUF");
  expect_refused({.input = sd15, .output = folder, .dtype = "q4_0"}, usage, "quantised tensors are for GGUF");
  expect_refused({.input = sd15, .output = gguf, .dtype = "fp8_e4m3"}, usage, "GGUF has no such type");
  expect_refused({.input = sd15, .output = gguf, .dtype = "f24"}, usage, "should be one of keep, f32");
  expect_refused({.input = sd15, .output = gguf, .shard_size = 1 << 20}, usage, "--shard-size");
  expect_refused({.input = sd15, .output = folder, .prune = true}, usage, "--prune");
  expect_refused({.input = sd15, .output = st, .vae = sd15, .only = {"unet"}}, usage, "the VAE would not be written");
  expect_refused({.input = sd15, .output = st, .only = {"text_encoder_2"}}, usage, "has text_encoder, unet, vae");
  expect_refused({.input = sd15, .output = out / "x.ckpt"}, usage, "read but not written");
  expect_refused({.input = sd15, .output = out / "no/x.gguf"}, ErrorKind::io, "there is no folder");
  expect_refused({.input = sd15, .output = out / "file.gguf"}, usage, "--force");
  expect_refused({.input = sd15, .output = out / "full"}, usage, "--force");
  expect_refused({.input = sd15, .output = out / "full", .force = true}, usage, "other things");
  expect_refused({.input = sd15, .output = out / "file.gguf", .to = ConvertTarget::folder, .force = true}, usage, "a folder would be written");
  expect_refused({.input = out / "missing", .output = st}, model, "there is no model");
  expect_refused({.input = sd15, .output = st, .config = sd15}, usage, "has its own configuration");
  expect_refused({.input = golden("formats/ldm/sd21_single.safetensors"), .output = folder}, ErrorKind::unsupported, "--model-config");
  expect_refused({.input = golden("formats/pickle/ok_zip_flat.pt"), .output = folder}, model, "Stable Diffusion");
  expect_refused({.input = sd15, .output = st, .vae = golden("formats/pickle/ok_zip_flat.pt")}, model, "holds no VAE");
  EXPECT_EQ(std::distance(fs::directory_iterator(out.path), {}), 2);
}

TEST(Convert, ForceReplacesAndCancelLeavesNothing) {
  const TemporaryFolder out;
  const fs::path sd15 = golden("models/sd15"), tiny = golden("models/sd15-tiny");
  for (const char* name : {"x.safetensors", "x"}) {
    convert_model({.input = tiny, .output = out / name});
    convert_model({.input = sd15, .output = out / name, .force = true});
    expect_equal_models(*open_model_source(out / name, fs::is_directory(out / name) ? fs::path() : sd15), *open_model_source(sd15));
  }
  convert_model({.input = out / "x", .output = out / "x", .dtype = "f32", .force = true});  // into itself
  EXPECT_EQ(picture(out / "x", "sd15"), picture(sd15, "sd15"));
  const auto count = [&] { return std::distance(fs::recursive_directory_iterator(out.path), {}); };
  const auto before = count();
  for (const char* name : {"y.safetensors", "y.gguf", "y"}) {
    std::atomic<bool> cancel = false;
    EXPECT_THROW(convert_model({.input = sd15, .output = out / name}, {.progress = [&](const ConvertProgress& p) { cancel = p.done > p.total / 2; }, .cancel = &cancel}), Error);
    EXPECT_EQ(count(), before) << name;
  }
}

}  // namespace
}  // namespace imagent::test
