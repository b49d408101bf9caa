// Files that are replaced or written to while pictures are drawn from them: those pictures stay what they are, and the next
// ones are drawn from what lies there then.
#include <gtest/gtest.h>

#include <thread>

#include "pipeline/engine.h"
#include "support/golden.h"
#include "support/scratch.h"
#include "weights/open.h"
#include "weights/with_lora.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

using Drawn = imagent::Run;

Request bird() {
  Request r;
  r.prompt = "a bird";
  r.model = golden("models/sd15").string();
  r.width = r.height = 64;
  r.steps = 4;
  r.seed = 3;
  r.dtype = DType::f32;
  return r;
}

// Draws the request, and once its first step is about to begin changes the files and lets the next request come.
std::pair<Drawn, Drawn> draw_around(Engine& engine, const Request& request, const std::function<void()>& change, const Request& next) {
  std::pair<Drawn, Drawn> runs;
  std::thread other;
  Events events;
  events.phase = [&](const std::string& phase) {
    if (phase != "denoise") return;
    change();
    other = std::thread([&] { runs.second = engine.generate(next); });
    while (engine.waiting_runs() < 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  runs.first = engine.generate(request, events);
  other.join();
  return runs;
}

void put(const std::string& adapter, const fs::path& place, bool in_place) {
  const fs::path fresh = place.string() + ".new";
  fs::copy_file(golden("adapters/" + adapter), fresh);
  fs::last_write_time(fresh, fs::file_time_type::clock::now() + std::chrono::seconds(5));
  if (!in_place) return fs::rename(fresh, place);
  fs::copy_file(fresh, place, fs::copy_options::overwrite_existing);
  fs::last_write_time(place, fs::last_write_time(fresh));
  fs::remove(fresh);
}

TEST(ReplacedFiles, ALoraChangesForTheNextPictureOnly) {
  for (const bool in_place : {false, true}) {
    SCOPED_TRACE(in_place);
    const Scratch folder;
    for (const char* name : {"x", "first"}) fs::copy_file(golden("adapters/kohya.safetensors"), folder / (std::string(name) + ".safetensors"));
    fs::copy_file(golden("adapters/kohya_second.safetensors"), folder / "second.safetensors");
    Engine engine({.device = "cpu", .threads = 2, .builtin_model = source_dir() / "models/demo", .shared_pictures = 4, .lora_dir = folder.path()});
    const auto with = [](const std::string& lora) {
      Request r = bird();
      r.loras = {{lora, 1.0, 1.0, {}}};
      return r;
    };
    const Drawn first = engine.generate(with("first")), second = engine.generate(with("second"));
    ASSERT_NE(first.results[0].latents, second.results[0].latents);
    const auto runs = draw_around(engine, with("x"), [&] { put("kohya_second.safetensors", folder / "x.safetensors", in_place); }, with("x"));
    EXPECT_EQ(runs.first.results[0].latents, first.results[0].latents);
    EXPECT_EQ(runs.first.lora_hashes[0].second, first.lora_hashes[0].second);
    EXPECT_EQ(runs.second.results[0].latents, second.results[0].latents);
    EXPECT_EQ(runs.second.lora_hashes[0].second, second.lora_hashes[0].second);
  }
}

// Written anew with the same bytes: for all that the engine can know it is another network, and the picture in hand holds the old one.
TEST(ReplacedFiles, NetworksThatSteerOutliveTheirFiles) {
  const Scratch folder;
  fs::copy(golden("models/controlnet-sd15"), folder / "control");
  fs::copy(golden("image_adapters/image_encoder"), folder / "image_encoder");
  fs::copy_file(golden("image_adapters/ip-sd15.safetensors"), folder / "ip.safetensors");
  fs::copy_file(golden("taesd/toy_decoder.safetensors"), folder / "vae.safetensors");
  Request r = bird();
  const auto picture = std::make_shared<const Image>(64, 64, 3);
  r.controls = {{.model = (folder / "control").string(), .image = picture}};
  r.ip_adapters = {{.model = (folder / "ip.safetensors").string(), .image = picture}};
  r.vae = (folder / "vae.safetensors").string();
  Engine engine({.device = "cpu", .threads = 2, .builtin_model = source_dir() / "models/demo", .shared_pictures = 4});
  const Drawn alone = engine.generate(r);
  const auto write_anew = [&] {
    for (const fs::path& file : {folder / "control" / "diffusion_pytorch_model.safetensors", folder / "ip.safetensors", folder / "vae.safetensors"})
      fs::last_write_time(file, fs::last_write_time(file) + std::chrono::seconds(5));
  };
  const auto runs = draw_around(engine, r, write_anew, r);
  for (const Drawn* run : {&runs.first, &runs.second}) {
    EXPECT_EQ(run->results[0].latents, alone.results[0].latents);
    EXPECT_EQ(run->results[0].image, alone.results[0].image);
  }
}

TEST(ReplacedFiles, AModelsHashIsOfTheFilesThatWereRead) {
  const Scratch folder;
  fs::copy(golden("models/sd15-tiny"), folder / "model", fs::copy_options::recursive);
  Request r = bird();
  r.model = (folder / "model").string();
  const fs::path unet = folder / "model" / "unet" / "diffusion_pytorch_model.safetensors";
  ASSERT_TRUE(fs::exists(unet));
  Engine engine({.device = "cpu", .threads = 2, .builtin_model = source_dir() / "models/demo"});
  Events events;
  events.phase = [&](const std::string& phase) {
    if (phase == "denoise") fs::last_write_time(unet, fs::last_write_time(unet) + std::chrono::seconds(5));
  };
  EXPECT_EQ(engine.generate(r, events).model_hash, "");
  EXPECT_NE(engine.generate(r).model_hash, "");
}

// Cut short between being opened and being merged.
TEST(ReplacedFiles, ALoraThatIsCutShortIsAnErrorAndNoCrash) {
  const Scratch folder;
  fs::copy_file(golden("adapters/kohya.safetensors"), folder / "x.safetensors");
  const auto base = open_weights(golden("models/sd15/unet/diffusion_pytorch_model.safetensors"));
  const auto lora = open_lora(folder / "x.safetensors");
  const auto merged = with_lora(base, "unet", {{lora, {1.0f}}}, MergedType::f32);
  fs::resize_file(folder / "x.safetensors", 100);
  int refused = 0;
  for (const std::string& name : merged->names()) {
    try {
      merged->find(name);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::model);
      EXPECT_NE(error.text.find("x.safetensors was written to while it was read"), std::string::npos) << error.text;
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace imagent::test
