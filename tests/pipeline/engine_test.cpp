// Errors, cancelling, memory prediction, defaults and prompts of whole runs.
#include "pipeline/engine.h"

#include <unistd.h>

#include <fstream>

#include "pipeline/cpu_engine.h"
#include "pipeline/encode_prompt.h"
#include "pipeline/memory.h"
#include "pipeline/model_folder.h"
#include "pipeline/vae_source.h"
#include "support/devices.h"
#include "tensor/buffer.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

Request small_request() {
  Request r;
  r.prompt = "a red house";
  r.steps = 2;
  r.seed = 1;
  r.width = r.height = 64;
  r.dtype = DType::f32;
  return r;
}

void expect_error(ErrorKind kind, const std::string& part, const std::function<void()>& work) {
  try {
    work();
    ADD_FAILURE() << "no error, expected: " << part;
  } catch (const Error& e) {
    EXPECT_EQ(e.kind, kind) << e.text;
    EXPECT_NE(e.text.find(part), std::string::npos) << e.text;
    EXPECT_EQ(e.text.find('\n'), std::string::npos) << e.text;
  }
}

// A copy of the built-in model in a temporary folder, to be damaged.
struct ModelCopy {
  fs::path path = fs::temp_directory_path() / str("imagent_model_", ::getpid());
  ModelCopy() {
    fs::remove_all(path);
    fs::copy(source_dir() / "models/demo", path, fs::copy_options::recursive);
  }
  ~ModelCopy() { fs::remove_all(path); }
  Run draw() const {
    Request r = small_request();
    r.model = path.string();
    return Engine({.device = "cpu"}).generate(r);
  }
};

TEST(EngineErrors, AreSentencesOfTheRightKind) {
  const auto with = [](auto change) {
    return [change] {
      Request r = small_request();
      change(r);
      engine().generate(r);
    };
  };
  expect_error(ErrorKind::usage, "multiple of 8", with([](Request& r) { r.width = 65; }));
  expect_error(ErrorKind::usage, "eulr", with([](Request& r) { r.sampler = "eulr"; }));
  expect_error(ErrorKind::usage, "dpmpp_2m", with([](Request& r) { r.sampler = "no such sampler"; }));
  expect_error(ErrorKind::usage, "karras", with([](Request& r) { r.scheduler = "no such schedule"; }));
  expect_error(ErrorKind::usage, "UTF-8", with([](Request& r) { r.prompt = "caf\xE9"; }));
  expect_error(ErrorKind::usage, "clip skip", with([](Request& r) { r.clip_skip = 9; }));
  expect_error(ErrorKind::usage, "steps", with([](Request& r) { r.steps = -3; }));
  expect_error(ErrorKind::model, "no/such/model", with([](Request& r) { r.model = "/no/such/model"; }));
  expect_error(ErrorKind::model, "no model_index.json", with([](Request& r) { r.model = source_dir() / "docs"; }));
  expect_error(ErrorKind::unsupported, "f16", with([](Request& r) { r.dtype = DType::f16; }));
  expect_error(ErrorKind::usage, "--taesd", with([](Request& r) {
                 r.preview = PreviewKind::taesd;
                 r.preview_every = 1;
               }));
  for (const char* model : {"sd15-inpaint", "sd15-pix2pix"})
    expect_error(ErrorKind::unsupported, "is made for ", with([&](Request& r) { r.model = golden(str("models/", model)).string(); }));
}

TEST(EngineErrors, DamagedModels) {
  const ModelCopy model;
  EXPECT_EQ(model.draw().results.size(), 1u);
  const fs::path unet = model.path / "unet/diffusion_pytorch_model.safetensors";
  fs::resize_file(unet, fs::file_size(unet) / 2);
  expect_error(ErrorKind::model, "truncated", [&] { model.draw(); });
  fs::remove(unet);
  expect_error(ErrorKind::model, "no weights in", [&] { model.draw(); });
  fs::copy_file(model.path / "vae/diffusion_pytorch_model.safetensors", unet);
  expect_error(ErrorKind::model, "lacks", [&] { model.draw(); });
  std::ofstream(model.path / "unet/config.json") << "{ not json";
  expect_error(ErrorKind::model, "config.json", [&] { model.draw(); });
}

TEST(EngineErrors, ConfigurationThatDoesNotFitTheWeights) {
  const ModelCopy model;
  nlohmann::json config = read_json(model.path / "unet/config.json");
  config["norm_num_groups"] = 7;
  std::ofstream(model.path / "unet/config.json") << config;
  expect_error(ErrorKind::model, "do not fit together", [&] { model.draw(); });
}

TEST(EngineErrors, MissingTensorsAreNamed) {
  const ModelCopy model;
  const fs::path file = model.path / "vae/diffusion_pytorch_model.safetensors";
  std::string bytes = read_text(file);
  const std::string name = "decoder.conv_norm_out.weight";
  const size_t at = bytes.find(name);
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, name.size(), "decoder.conv_norm_oat.weight");
  std::ofstream(file, std::ios::binary) << bytes;
  expect_error(ErrorKind::model, name, [&] { model.draw(); });
}

TEST(EngineErrors, TooLittleMemoryIsSaidBeforeTheRun) {
  Engine small({.device = "cpu", .threads = 0, .builtin_model = source_dir() / "models/demo", .memory_limit = size_t{60} << 20});
  Request r = small_request();
  r.width = r.height = 2048;
  expect_error(ErrorKind::memory, "60 MiB are available", [&] { small.generate(r); });
  r.width = r.height = 64;
  small.generate(r);  // and the engine goes on
}

// Small pictures are decoded while the pool still has the UNet's blocks.
TEST(Memory, PredictionCountsThatSmallPicturesLeaveThePoolFilled) {
  Engine engine({.device = "cpu", .threads = 1, .builtin_model = source_dir() / "models/demo"});
  Request r = small_request();
  r.dtype = DType::f32;
  r.steps = 1;
  r.width = r.height = 128;
  engine.generate(r);
  const MemoryNeed need = predict_memory(open_model_source(source_dir() / "models/demo"), {16, 16, 2, 77, DType::f32});
  EXPECT_GT(static_cast<double>(need.activations), 0.7 * static_cast<double>(engine.backend().peak_bytes()));  // the rest is the loops' own
}

// The prediction against what the plain-loop backend then holds: it allocates nothing but tensors.
TEST(Memory, PredictionAgreesWithARun) {
  Engine plain({.device = "reference", .threads = 0, .builtin_model = source_dir() / "models/demo"});
  Request r = small_request();
  r.steps = 1;
  r.width = r.height = 192;
  plain.generate(r);
  const MemoryNeed need = predict_memory(open_model_source(source_dir() / "models/demo"), {24, 24, 2, 77, DType::f32});
  const auto held = static_cast<double>(plain.backend().peak_bytes());
  EXPECT_GT(static_cast<double>(need.activations), 0.8 * held);
  EXPECT_LT(static_cast<double>(need.activations), 1.2 * held);
  EXPECT_GT(need.weights, fs::file_size(source_dir() / "models/demo/unet/diffusion_pytorch_model.safetensors"));
}

TEST(Memory, PredictionCountsPreviews) {
  Engine plain({.device = "reference", .threads = 0, .builtin_model = source_dir() / "models/demo"});
  Request r = small_request();
  r.steps = 1;
  r.width = r.height = 192;
  r.taesd = golden("taesd/folder").string();
  r.preview_every = 1;
  r.preview = PreviewKind::taesd;
  Events events;
  events.progress = [](const Progress&) {};
  plain.generate(r, events);
  const VaeSource tiny = open_vae(r.taesd);
  RunShape shape{.latent_height = 24, .latent_width = 24};
  const auto source = open_model_source(source_dir() / "models/demo");
  const MemoryNeed without = predict_memory(source, shape);
  shape.previewer = &tiny;
  const MemoryNeed with = predict_memory(source, shape);
  EXPECT_GT(with.weights, without.weights);
  EXPECT_GE(with.activations, without.activations);
  const auto held = static_cast<double>(plain.backend().peak_bytes());
  EXPECT_GT(static_cast<double>(with.activations), 0.8 * held);
  EXPECT_LT(static_cast<double>(with.activations), 1.2 * held);
  shape.previewer = nullptr;
  shape.previews_by_vae = true;
  EXPECT_EQ(predict_memory(source, shape).weights, without.weights);
  EXPECT_GT(predict_memory(source, shape).activations, without.activations) << "the UNet's blocks stay in the pool";
}

// What a limit allows does not depend on what was drawn before.
TEST(Memory, LimitsCountWhatIsLoaded) {
  Request r = small_request(), large = r;
  r.tiling = large.tiling = true;  // then tiles of the VAE do not help
  large.width = large.height = 512;
  const MemoryNeed need = predict_memory(open_model_source(source_dir() / "models/demo"), {.latent_height = 64, .latent_width = 64});
  Engine limited({.device = "cpu", .threads = 0, .builtin_model = source_dir() / "models/demo", .memory_limit = need.activations + need.weights / 2});
  for (int i = 0; i < 2; ++i) {
    expect_error(ErrorKind::memory, "not enough memory", [&] { limited.generate(large); });
    EXPECT_NO_THROW(limited.generate(r));
  }
}

TEST(Memory, ModelsOfEarlierRunsMakeRoom) {
  Request r = small_request(), other = r;
  other.model = (source_dir() / "models/demo/../demo").string();  // the same model under another name
  const MemoryNeed need = predict_memory(open_model_source(source_dir() / "models/demo"), {.latent_height = 8, .latent_width = 8});
  Engine limited({.device = "cpu", .threads = 0, .builtin_model = source_dir() / "models/demo", .memory_limit = need.total() + need.weights / 2});
  const auto first = limited.generate(r), second = limited.generate(other), third = limited.generate(other);
  EXPECT_EQ(first.results[0].image, second.results[0].image);
  EXPECT_LT(third.timings.load_s, second.timings.load_s) << "what is in use stays";
}

TEST(Memory, PromptsDecideTheSizeOfACall) {
  LoadedModel model(std::make_shared<ModelFolder>(source_dir() / "models/demo"), backend("cpu"), DType::f32);
  Request r = small_request();
  r.guidance_scale = 7;
  EXPECT_EQ(prompt_shape(model, r).rows, 2);
  r.prompt = "a tree AND a house AND a boat";
  EXPECT_EQ(prompt_shape(model, r).rows, 4);
  r.negative = "a picture";
  for (int i = 0; i < 100; ++i) *r.negative += " by the sea";
  EXPECT_GE(prompt_shape(model, r).tokens, 4 * 77);
  r.prompt = "a tree";
  r.guidance_scale = 1;
  EXPECT_EQ(prompt_shape(model, r).rows, 1);
  EXPECT_EQ(prompt_shape(model, r).tokens, 77);
}

TEST(Engine, CancelStopsBetweenOps) {
  std::atomic<bool> cancel = false;
  Events events;
  events.cancel = &cancel;
  events.phase = [&](const std::string& phase) { cancel = phase == "denoise"; };
  expect_error(ErrorKind::cancelled, "cancelled", [&] { engine().generate(small_request(), events); });
  cancel = false;
  events.phase = nullptr;
  EXPECT_EQ(engine().generate(small_request(), events).results.size(), 1u);
}

TEST(Engine, SeedIsDrawnAndTold) {
  Request r = small_request();
  r.seed = -1;
  const auto first = engine().generate(r), second = engine().generate(r);
  EXPECT_NE(first.results[0].seed, second.results[0].seed);
  EXPECT_NE(first.results[0].infotext.find(str("Seed: ", first.results[0].seed)), std::string::npos);
  r.seed = first.results[0].seed;
  EXPECT_EQ(engine().generate(r).results[0].image, first.results[0].image);
}

// It is conditioned on an aesthetic score wherever it stands.
TEST(Engine, TheRefinerDrawsAloneToo) {
  Request r = small_request();
  r.model = golden("models/sdxl-refiner").string();
  EXPECT_EQ(engine().generate(r).results.size(), 1u);
}

TEST(Engine, InfotextNamesSamplersAsTheWebUiDoes) {
  Request r = small_request();
  r.sampler = "dpmpp_2m";
  r.scheduler = "karras";
  const std::string text = engine().generate(r).results[0].infotext;
  EXPECT_NE(text.find("Sampler: DPM++ 2M, Schedule type: Karras, "), std::string::npos) << text;
}

TEST(Engine, ModelsOwnDefaults) {
  Request r;
  r.prompt = "a tree";
  const auto run = engine().generate(r);
  EXPECT_EQ(run.results[0].image.width, 128);
  EXPECT_EQ(run.request.steps, 20);
  EXPECT_FLOAT_EQ(*run.request.guidance_scale, 3.5f);
}

// A plain short prompt gives diffusers' picture in native mode; brackets weigh there and are characters for diffusers.
TEST(Engine, GrammarFollowsCompat) {
  Request native = small_request(), plain = small_request();
  plain.compat = Compat::diffusers;
  EXPECT_EQ(engine().generate(native).results[0].image, engine().generate(plain).results[0].image);
  native.prompt = plain.prompt = "a (red:1.5) house";
  EXPECT_NE(engine().generate(native).results[0].image, engine().generate(plain).results[0].image);
}

TEST(Engine, SumsOfPromptsNeedNoGuidance) {
  Request r = small_request();
  r.guidance_scale = 1;
  const auto alone = engine().generate(r);
  r.prompt += " AND a blue boat at night";
  EXPECT_NE(engine().generate(r).results[0].image, alone.results[0].image);
}

// Chung et al. 2024: the guided image with the negative prompt's noise, at a small scale; another picture than DDIM's.
TEST(Engine, CfgPlusPlusReadsTheNegativeOutput) {
  Request r = small_request();
  r.compat = Compat::a1111;
  r.sampler = "ddim_cfgpp";
  r.guidance_scale = 7;
  const auto plain = engine().generate(r);
  r.negative = "night, stars";
  EXPECT_NE(engine().generate(r).results[0].image, plain.results[0].image);
  r.sampler = "ddim";
  EXPECT_NE(engine().generate(r).results[0].image, plain.results[0].image);
  r.sampler = "ddim_cfgpp";
  r.guidance_scale = 1;
  expect_error(ErrorKind::usage, "guidance", [&] { engine().generate(r); });
}

TEST(EngineErrors, LatentsThatAreNoNumbers) {
  const ModelCopy model;
  const fs::path file = model.path / "scheduler/scheduler_config.json";
  nlohmann::json config = read_json(file);
  config["beta_start"] = config["beta_end"] = 5;
  std::ofstream(file) << config;
  expect_error(ErrorKind::model, "not finite", [&] { model.draw(); });
}

TEST(Engine, LongPromptsRunInChunks) {
  Request r = small_request();
  for (int i = 0; i < 100; ++i) r.prompt += " by the sea";
  const auto cut_off = engine().generate(r);
  r.prompt += " at night, stars";
  EXPECT_NE(engine().generate(r).results[0].image, cut_off.results[0].image);
  r.compat = Compat::diffusers;
  const auto cut = engine().generate(r);
  r.prompt += " and a moon";
  EXPECT_EQ(engine().generate(r).results[0].image, cut.results[0].image);
}

TEST(Engine, PromptEditingChangesThePictureOnTheWay) {
  Request r = small_request();
  r.prompt = "a [red:blue:1] house";
  const auto edited = engine().generate(r);
  r.prompt = "a red house";
  const auto red = engine().generate(r);
  r.prompt = "a blue house";
  EXPECT_NE(edited.results[0].image, red.results[0].image);
  EXPECT_NE(edited.results[0].image, engine().generate(r).results[0].image);
}

}  // namespace
}  // namespace imagent::test
