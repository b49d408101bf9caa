// Models that stay loaded side by side, and go when the memory is needed: those first whose last use is longest ago.
#include "pipeline/engine.h"
#include "pipeline/loaded_vae.h"
#include "pipeline/memory.h"
#include "pipeline/model_source.h"
#include "support/devices.h"
#include "support/scratch.h"

namespace imagent::test {
namespace {

using Names = std::vector<std::string>;

Request request_for(const std::string& model) {
  Request r;
  r.prompt = "a bird";
  r.model = model == "demo" ? "" : golden("models/" + model).string();
  r.steps = 1;
  r.seed = 3;
  r.width = r.height = 64;
  r.guidance_scale = 5;
  r.dtype = DType::f32;
  return r;
}

MemoryNeed need_of(const std::string& model) {
  return predict_memory(open_model_source(golden("models/" + model)), {.latent_height = 8, .latent_width = 8, .rows = 2});
}

EngineOptions options(size_t limit) { return {.device = "cpu", .builtin_model = source_dir() / "models/demo", .memory_limit = limit}; }

TEST(ResidentModels, StayWhileThereIsMemory) {
  Engine engine(options(0));
  const Image first = engine.generate(request_for("sd15")).results[0].image;
  engine.generate(request_for("sd15-tiny"));
  engine.generate(request_for("demo"));
  EXPECT_EQ(engine.loaded_models(), (Names{"demo", "sd15-tiny", "sd15"}));
  EXPECT_EQ(engine.generate(request_for("sd15")).results[0].image, first);
  EXPECT_EQ(engine.loaded_models(), (Names{"sd15", "demo", "sd15-tiny"}));
  engine.unload_models();
  EXPECT_EQ(engine.loaded_models(), Names{});
  EXPECT_EQ(engine.generate(request_for("sd15")).results[0].image, first);
}

TEST(ResidentModels, AModelThatWasReplacedIsReadAnew) {
  const Scratch folder;
  const auto options_of_copy = std::filesystem::copy_options::recursive;
  Engine engine(options(0));
  Request r = request_for("sd15-tiny");
  const Image tiny = engine.generate(r).results[0].image, other = engine.generate(request_for("sd15")).results[0].image;
  std::filesystem::copy(r.model, folder / "m", options_of_copy);
  const std::string sd15 = request_for("sd15").model;
  r.model = (folder / "m").string();
  EXPECT_EQ(engine.generate(r).results[0].image, tiny);
  std::filesystem::remove_all(folder / "m");
  std::filesystem::copy(sd15, folder / "m", options_of_copy);
  EXPECT_EQ(engine.generate(r).results[0].image, other);
}

// Another VAE is loaded beside the model, whose UNet and text encoders stay the only ones.
TEST(ResidentModels, AnotherVaeSharesTheRestOfTheModel) {
  Engine engine(options(0));
  Request own = request_for("sd15"), other = own;
  other.vae = golden("taesd/toy_decoder.safetensors").string();
  const Image with_own = engine.generate(own).results[0].image;
  const size_t model = engine.loaded_bytes();
  const Image with_other = engine.generate(other).results[0].image;
  EXPECT_NE(with_other, with_own);
  LoadedVae vae(open_vae(other.vae), engine.backend(), DType::f32);
  vae.decoder();
  EXPECT_EQ(engine.loaded_bytes(), model + vae.packed_bytes());
  EXPECT_EQ(engine.loaded_models(), (Names{"sd15"}));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(engine.generate(own).results[0].image, with_own);
    EXPECT_EQ(engine.generate(other).results[0].image, with_other);
  }
  EXPECT_EQ(engine.loaded_bytes(), model + vae.packed_bytes()) << "nothing was loaded twice";
  Engine fresh(options(0));
  EXPECT_EQ(fresh.generate(other).results[0].image, with_other);
  EXPECT_LT(fresh.loaded_bytes(), model + vae.packed_bytes()) << "the model's own was not needed";
  engine.unload_models();
  EXPECT_EQ(engine.loaded_bytes(), 0u);
}

TEST(ResidentModels, EachVaeEncodesPicturesItself) {
  Engine engine(options(0)), fresh(options(0));
  Request own = request_for("sd15");
  own.init_image = std::make_shared<const Image>(64, 64, 3);
  own.steps = 4;
  Request other = own;
  other.vae = golden("models/sd15-tiny/vae").string();
  const Image with_own = engine.generate(own).results[0].image;
  EXPECT_EQ(engine.generate(other).results[0].image, fresh.generate(other).results[0].image);
  EXPECT_EQ(engine.generate(own).results[0].image, with_own);
  EXPECT_EQ(fresh.generate(own).results[0].image, with_own);
}

TEST(ResidentModels, AnotherVaeOfAModelThatHasLoras) {
  EngineOptions with_loras = options(0);
  with_loras.lora_dir = golden("adapters");
  Engine engine(with_loras), fresh(with_loras);
  Request plain = request_for("sd15"), rich = plain;
  rich.vae = golden("taesd/toy_decoder.safetensors").string();
  rich.loras = {{"kohya", 1.0, 1.0, {}}};
  const Image without = engine.generate(plain).results[0].image, with = engine.generate(rich).results[0].image;
  EXPECT_EQ(engine.generate(plain).results[0].image, without);
  EXPECT_EQ(fresh.generate(rich).results[0].image, with);
  EXPECT_EQ(fresh.generate(plain).results[0].image, without);
  rich.vae.clear();
  EXPECT_EQ(engine.generate(rich).results[0].image, fresh.generate(rich).results[0].image);
}

// A limit that two whole models would not keep within: the VAE that is not used goes, the model stays.
TEST(ResidentModels, AutoencodersGoBeforeModels) {
  const MemoryNeed need = need_of("sd15");
  Engine engine(options(need.total() + 4096)), roomy(options(0));
  Request own = request_for("sd15"), other = own;
  other.vae = golden("models/sd15-tiny/vae").string();
  for (const Request* r : {&own, &other, &own, &other, &own}) {
    EXPECT_EQ(engine.generate(*r).results[0].image, roomy.generate(*r).results[0].image);
    EXPECT_EQ(engine.loaded_models(), (Names{"sd15"}));
  }
  EXPECT_LT(engine.loaded_bytes(), roomy.loaded_bytes());
}

TEST(ResidentModels, CanBeLoadedBeforeTheyDraw) {
  Engine engine(options(0));
  const Request r = request_for("sd15-tiny");
  engine.load(r);
  const size_t loaded = engine.loaded_bytes();
  EXPECT_GT(loaded, 0u);
  EXPECT_EQ(engine.loaded_models(), (Names{"sd15-tiny"}));
  engine.generate(r);
  EXPECT_EQ(engine.loaded_bytes(), loaded);
  Engine small(options(1 << 16));
  EXPECT_THROW(small.load(r), Error);
  std::atomic<bool> cancel = true;
  EXPECT_THROW(engine.load(request_for("sd15"), {.phase = {}, .progress = {}, .cancel = &cancel}), Error);
}

TEST(ResidentModels, TheOneUsedLongestAgoGoesFirst) {
  const size_t oldest = need_of("sd15-lcm").weights, others = need_of("sd15-tiny").weights + need_of("sd21").weights;
  Engine engine(options(oldest / 2 + others + need_of("sd21").activations));
  const Image first = engine.generate(request_for("sd15-lcm")).results[0].image;
  engine.generate(request_for("sd15-tiny"));
  EXPECT_EQ(engine.loaded_models(), (Names{"sd15-tiny", "sd15-lcm"}));
  engine.generate(request_for("sd21"));
  EXPECT_EQ(engine.loaded_models(), (Names{"sd21", "sd15-tiny"})) << "all three would be too much";
  EXPECT_EQ(engine.generate(request_for("sd15-lcm")).results[0].image, first);
}

}  // namespace
}  // namespace imagent::test
