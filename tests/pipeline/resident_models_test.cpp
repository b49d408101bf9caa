// Models that stay loaded side by side, and go when the memory is needed: those first whose last use is longest ago.
#include "pipeline/engine.h"
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
