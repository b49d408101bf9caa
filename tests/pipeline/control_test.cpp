// ControlNets in runs: files, errors, memory, batches, guess mode, preprocessing (pictures: pictures_test.cpp).
#include "pipeline/control.h"

#include <unistd.h>

#include "image/canny.h"
#include "image/codec.h"
#include "image/resize.h"
#include "pipeline/cpu_engine.h"
#include "pipeline/detect.h"
#include "pipeline/loaded_model.h"
#include "support/devices.h"
#include "support/write_safetensors.h"
#include "support/zero_source.h"
#include "weights/names_ldm.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

ControlUnit unit_of(const std::string& model = "controlnet-sd15") {
  return {.model = golden("models/" + model).string(), .image = std::make_shared<const Image>(read_image(golden("pipelines/controlnet-sd15/hint_0.png")))};
}

Request request_with(std::vector<ControlUnit> controls) {
  Request r;
  r.prompt = "a bird";
  r.model = golden("models/sd15").string();
  r.steps = 2;
  r.seed = 3;
  r.width = r.height = 64;
  r.dtype = DType::f32;
  r.controls = std::move(controls);
  return r;
}

TEST(ControlNet, ComesFromAFolderOrItsFile) {
  ControlUnit file = unit_of();
  file.model += "/diffusion_pytorch_model.safetensors";
  EXPECT_EQ(latents_of(request_with({file})), latents_of(request_with({unit_of()})));
}

// Original names in a file, whose widths are those of no published model: the network is compared without a run.
TEST(ControlNet, ReadsTheOriginalNames) {
  const fs::path path = fs::temp_directory_path() / str("imagent_control_", ::getpid(), ".safetensors");
  const ControlFiles folder = open_control(golden("models/controlnet-sd15"), false);
  const Shapes original = shapes_of(read_json(golden("manifests/controlnet-sd15.json"))["single_file"]);
  std::map<std::string, TensorView> tensors;
  const TensorTable table = ldm_parts(ZeroSource(original).names()).at("controlnet");
  for (const auto& [name, stored] : table)
    if (const auto view = folder.weights->find(name)) tensors[stored.name] = *view;
  const std::vector<float> row(768);  // the width of SD 1's text
  tensors["control_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight"] = {DType::f32, {1, 768}, std::as_bytes(std::span(row)), nullptr};
  write_safetensors(path, tensors);
  const ControlFiles file = open_control(path, false);
  fs::remove(path);
  EXPECT_EQ(std::get<UNetConfig>(file.config).heads, std::vector<int>(3, 8));
  for (const char* name : {"controlnet_cond_embedding.blocks.5.weight", "controlnet_down_blocks.8.weight", "mid_block.resnets.1.conv2.weight"}) {
    ASSERT_TRUE(file.weights->find(name)) << name;
    EXPECT_EQ(to_f32(*file.weights->find(name)), to_f32(*folder.weights->find(name)));
  }
}

TEST(ControlNet, KnowsThePublishedOnesByTheirWidths) {
  const auto file = std::make_shared<ZeroSource>(shapes_of(read_json(golden("manifests/controlnet-sd15.json"))["single_file"]));
  const UNetConfig config = detect_controlnet(*rearranged(file, ldm_parts(file->names()).at("controlnet")));
  EXPECT_EQ(config.heads, std::vector<int>(4, 8));
}

TEST(ControlNet, RefusesWhatDoesNotFit) {
  EXPECT_NE(error_of(request_with({unit_of("controlnet-sdxl")})).find("reads text of width 96, the model's has 32"), std::string::npos);
  EXPECT_NE(error_of(request_with({unit_of("sd15")})).find("is a whole model: a ControlNet is wanted"), std::string::npos);
  EXPECT_NE(error_of(request_with({unit_of("sd15/vae/diffusion_pytorch_model.safetensors")})).find("a ControlNet is wanted"), std::string::npos);
  EXPECT_NE(error_of(request_with({unit_of("sd15/unet")})).find("describes a UNet2DConditionModel"), std::string::npos);
  EXPECT_NE(error_of(request_with({unit_of("nothing")})).find("there is no ControlNet"), std::string::npos);
  ControlUnit blind = unit_of();
  blind.image = nullptr;
  EXPECT_NE(error_of(request_with({blind})).find("--control-image"), std::string::npos);
}

TEST(ControlNet, CountsInItsPartOfTheStepsOnly) {
  StepWindow window{.start = 0.2, .end = 0.7};
  std::string diffusers, webui;
  for (int step = 0; step < 10; ++step) diffusers += window.active(step, 10) ? '1' : '0';
  window.counts_touched_steps = true;
  for (int step = 0; step < 10; ++step) webui += window.active(step, 10) ? '1' : '0';
  EXPECT_EQ(diffusers, "0011111000");
  EXPECT_EQ(webui, "0011111100");
}

TEST(ControlNet, StrengthZeroIsNoControlNet) {
  ControlUnit unit = unit_of();
  unit.strength = 0;
  EXPECT_EQ(latents_of(request_with({unit})), latents_of(request_with({})));
  EXPECT_NE(latents_of(request_with({unit_of()})), latents_of(request_with({})));
}

// Every picture of a batch sees the hint, also when its prompt has parts that do and a negative one that does not.
TEST(ControlNet, BatchesAreTheSameBytes) {
  for (const ControlMode mode : {ControlMode::balanced, ControlMode::prompt, ControlMode::control}) {
    ControlUnit guessing = unit_of();
    guessing.mode = mode;
    Request r = request_with({guessing, unit_of()});
    r.prompt = "a bird AND a tree";
    r.batch = 2;
    const auto both = engine().generate(r);
    r.batch = 1;
    r.seed = 4;
    EXPECT_EQ(both.results[1].latents, latents_of(r)) << static_cast<int>(mode);
  }
}

TEST(ControlNet, WebUisGuessModeHasItsOwnScales) {
  const auto scales = control_scales(2, GuessMode::webui, 13);
  EXPECT_FLOAT_EQ(scales[12], 2);
  EXPECT_FLOAT_EQ(scales[11], 2 * 0.825f);
  EXPECT_NEAR(scales[0], 2 * 0.09941396206337118, 1e-6);
  ControlUnit unit = unit_of();
  unit.mode = ControlMode::control;
  Request r = request_with({unit});
  const auto diffusers = latents_of(r);
  r.compat = Compat::a1111;
  EXPECT_NE(latents_of(r), diffusers);
}

// As scripts/hook.py of the extension: both modes weaken the outer layers, in one of them the negative prompt sees nothing.
TEST(ControlNet, ModesAreThoseOfTheExtension) {
  LoadedModel model(open_model_source(golden("models/sd15")), engine().backend(), DType::f32);
  LoadedControl net(open_control(unit_of().model, false), engine().backend(), DType::f32);
  const size_t residuals = std::get<ControlNetModel>(net.network()).residual_count();
  ControlUnit unit = unit_of();
  unit.strength = 0.5f;
  const auto control_of = [&](ControlMode mode, Compat compat) {
    unit.mode = mode;
    Request r = request_with({unit});
    r.compat = compat;
    LoadedControl* const nets[] = {&net};
    return make_controls(nets, r, {64, 64}, model.unet())[0];
  };
  for (const Compat compat : {Compat::native, Compat::a1111}) {
    const Control balanced = control_of(ControlMode::balanced, compat), prompt = control_of(ControlMode::prompt, compat), control = control_of(ControlMode::control, compat);
    EXPECT_EQ(balanced.scales, std::vector<float>(residuals, 0.5f));
    EXPECT_EQ(prompt.scales, control_scales(0.5f, GuessMode::webui, residuals));
    EXPECT_EQ(control.scales, control_scales(0.5f, compat == Compat::a1111 ? GuessMode::webui : GuessMode::diffusers, residuals));
    EXPECT_FALSE(balanced.conditional_only || prompt.conditional_only);
    EXPECT_TRUE(control.conditional_only);
  }
}

std::shared_ptr<const Image> filled_region(uint8_t left, uint8_t right) {
  Image region(64, 64, 1);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x) *region.at(x, y) = x < 32 ? left : right;
  return std::make_shared<const Image>(region);
}

TEST(ControlNet, CountsInItsRegionOnly) {
  ControlUnit unit = unit_of();
  const std::vector<float> everywhere = latents_of(request_with({unit})), nowhere = latents_of(request_with({}));
  unit.region = filled_region(255, 255);
  EXPECT_EQ(latents_of(request_with({unit})), everywhere);
  unit.region = filled_region(0, 0);
  EXPECT_EQ(latents_of(request_with({unit})), nowhere);
  unit.region = filled_region(255, 0);
  const std::vector<float> half = latents_of(request_with({unit}));
  EXPECT_NE(half, everywhere);
  EXPECT_NE(half, nowhere);
  Request r = request_with({unit, unit_of()});
  r.batch = 2;
  const auto both = engine().generate(r);
  r.batch = 1;
  r.seed = 4;
  EXPECT_EQ(both.results[1].latents, latents_of(r));
}

// Each residual times the region at its own size, as torch interpolates it.
TEST(ControlNet, RegionsScaleResiduals) {
  LoadedModel model(open_model_source(golden("models/sd15")), engine().backend(), DType::f32);
  LoadedControl net(open_control(unit_of().model, false), engine().backend(), DType::f32);
  LoadedControl* const nets[] = {&net};
  std::vector<float> noise(64 * 4);
  make_generator(GeneratorKind::cpu, 1)->normal(noise);
  const Tensor sample = upload(engine().backend(), {1, 8, 8, 4}, noise);
  const UNetConditions conditions = model.unet().blank_conditions(1, 77);
  const auto residuals_with = [&](std::shared_ptr<const Image> region) {
    ControlUnit unit = unit_of();
    unit.region = std::move(region);
    const std::vector<Control> controls = make_controls(nets, request_with({unit}), {64, 64}, model.unet());
    const Control* const seen[] = {&controls[0]};
    const ControlRow rows[] = {{seen, true}};
    return control_residuals(sample, conditions, rows);
  };
  const UNetResiduals plain = residuals_with(nullptr), scaled = residuals_with(filled_region(255, 51));
  const auto expect_scaled = [](const Tensor& whole, const Tensor& part) {
    const std::vector<float> a = download(whole), b = download(part);
    const auto width = static_cast<size_t>(whole.dim(2)), channels = static_cast<size_t>(whole.dim(3));
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(b[i], a[i] * (i / channels % width < width / 2 ? 1.0f : 0.2f), 1e-6f * (1 + std::abs(a[i])));
  };
  ASSERT_EQ(plain.down.size(), scaled.down.size());
  for (size_t i = 0; i < plain.down.size(); ++i) expect_scaled(plain.down[i], scaled.down[i]);
  if (plain.mid.dim(2) > 1) expect_scaled(plain.mid, scaled.mid);
}

TEST(ControlNet, HintsAreResizedAndPreprocessed) {
  ControlUnit unit = unit_of();
  const Image plain = control_hint(unit, {96, 80});
  EXPECT_EQ(plain, resize(*unit.image, 96, 80));
  unit.preprocess = Preprocessor::canny;
  EXPECT_EQ(control_hint(unit, {96, 80}), canny_edges(plain));
}

TEST(ControlNet, MemoryIsPredictedWithIt) {
  const LoadedControl net(open_control(unit_of().model, false), engine().backend(), DType::f32);
  std::vector<MemoryNeed> needs;
  for (const size_t units : {0, 1, 2})
    needs.push_back(predict_memory(open_model_source(golden("models/sd15")),
                                   {.latent_height = 32, .latent_width = 32, .controls = std::vector<const LoadedControl*>(units, &net)}));
  EXPECT_GT(needs[1].weights, needs[0].weights + fs::file_size(unit_of().model + "/diffusion_pytorch_model.safetensors"));
  EXPECT_EQ(needs[2].weights, needs[1].weights) << "one network for both units";
  EXPECT_GT(needs[1].activations, needs[0].activations);
  EXPECT_GT(needs[2].activations, needs[1].activations) << "a hint each";

  Engine small({.device = "cpu", .threads = 1, .builtin_model = {}, .memory_limit = needs[1].weights});  // tiles of the VAE would not help
  EXPECT_THROW(small.generate(request_with({unit_of()})), Error);
}

TEST(ControlNet, IsWrittenDown) {
  ControlUnit unit = unit_of();
  unit.preprocess = Preprocessor::canny;
  unit.strength = 0.5f;
  unit.mode = ControlMode::control;
  ControlUnit soft = unit_of();
  soft.mode = ControlMode::prompt;
  const std::string text = engine().generate(request_with({unit_of(), unit, soft})).results[0].infotext;
  EXPECT_NE(text.find("ControlNet 0: \"Module: none, Model: controlnet-sd15, Weight: 1, Resize Mode: Just Resize, Guidance Start: 0, Guidance End: 1, "
                      "Pixel Perfect: True, Control Mode: Balanced\""), std::string::npos) << text;
  EXPECT_NE(text.find("ControlNet 1: \"Module: canny, Model: controlnet-sd15, Weight: 0.5, Resize Mode: Just Resize, Threshold A: 100, Threshold B: 200, "
                      "Guidance Start: 0, Guidance End: 1, Pixel Perfect: True, Control Mode: ControlNet is more important\""), std::string::npos) << text;
  EXPECT_NE(text.find("Control Mode: My prompt is more important\""), std::string::npos) << text;
}

}  // namespace
}  // namespace imagent::test
