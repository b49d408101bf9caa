// Pictures end to end against diffusers, within the limits that golden/pipelines and golden/demo state.
#include <cmath>
#include <set>

#include "image/codec.h"
#include "pipeline/engine.h"
#include "support/devices.h"
#include "support/pictures.h"

namespace imagent::test {
namespace {

Size size_of_list(const nlohmann::json& height_width) { return {height_width[1], height_width[0]}; }

Request request_of(const nlohmann::json& c) {
  Request r;
  r.prompt = c["prompt"];
  if (c.contains("negative")) r.negative = c["negative"].get<std::string>();
  if (c.contains("prompt_2")) r.prompt_2 = c["prompt_2"].get<std::string>();
  if (c.contains("negative_2")) r.negative_2 = c["negative_2"].get<std::string>();
  r.model = golden("models/" + c["model"].get<std::string>()).string();
  r.width = c.value("width", 0);
  r.height = c.value("height", 0);
  r.steps = c["steps"];
  r.guidance_scale = c["guidance"].get<float>();
  r.guidance_rescale = c.value("guidance_rescale", 0.0f);
  r.seed = c["seed"];
  r.batch = c.value("batch", 1);
  r.sampler = c.value("sampler", "");
  r.scheduler = c.value("scheduler", "");
  if (c.contains("eta")) r.eta = c["eta"].get<float>();
  r.clip_skip = c.value("clip_skip", 0);
  if (c.contains("refiner")) r.refiner = golden("models/" + c["refiner"].get<std::string>()).string();
  r.refiner_switch = c.value("refiner_switch", 0.8f);
  if (c.contains("original_size")) r.original_size = size_of_list(c["original_size"]);
  if (c.contains("target_size")) r.target_size = size_of_list(c["target_size"]);
  if (c.contains("negative_original_size")) r.negative_original_size = size_of_list(c["negative_original_size"]);
  if (c.contains("negative_target_size")) r.negative_target_size = size_of_list(c["negative_target_size"]);
  if (c.contains("crop")) r.crop = Offset{c["crop"][1], c["crop"][0]};
  if (c.contains("negative_crop")) r.negative_crop = Offset{c["negative_crop"][1], c["negative_crop"][0]};
  if (c.contains("strength")) r.strength = c["strength"].get<double>();
  if (c.contains("image_guidance")) r.image_guidance = c["image_guidance"].get<float>();
  for (const auto& unit : c.value("control", nlohmann::json::array())) {
    const std::filesystem::path folder = golden("pipelines/" + c["name"].get<std::string>());
    r.controls.push_back({.model = golden("models/" + unit["model"].get<std::string>()).string(),
                          .image = std::make_shared<const Image>(read_image(folder / str("hint_", r.controls.size(), ".png"))),
                          .preprocess = Preprocessor::none,
                          .strength = unit.value("scale", 1.0f),
                          .start = unit.value("start", 0.0),
                          .end = unit.value("end", 1.0),
                          .mode = unit.value("guess", false) ? ControlMode::control : ControlMode::balanced});
  }
  r.compat = Compat::diffusers;
  r.dtype = DType::f32;
  return r;
}

// With the pictures that lie beside a case.
Request request_in(const std::filesystem::path& folder, const nlohmann::json& c) {
  Request r = request_of(c);
  if (std::filesystem::exists(folder / "in.png")) r.init_image = std::make_shared<Image>(read_image(folder / "in.png"));
  if (std::filesystem::exists(folder / "mask.png")) r.mask = std::make_shared<Image>(read_image(folder / "mask.png"));
  return r;
}

struct Pictures : OnEveryBackend {
  Engine& engine() {
    static std::map<std::string, std::unique_ptr<Engine>> engines;
    auto& engine = engines[GetParam()];
    if (!engine) engine = std::make_unique<Engine>(EngineOptions{.device = GetParam(), .threads = 0, .builtin_model = source_dir() / "models/demo"});
    return *engine;
  }
};

TEST_P(Pictures, AgreeWithDiffusers) {
  const std::set<std::string> workflows = {"txt2img", "img2img", "inpaint", "pix2pix", "controlnet"};
  int ran = 0;
  for (const auto& entry : std::filesystem::directory_iterator(golden("pipelines"))) {
    const std::filesystem::path folder = entry.path();
    const std::string name = folder.filename().string();
    if (!workflows.contains(name.substr(0, name.find('-')))) continue;  // README.md
    SCOPED_TRACE(name);
    const nlohmann::json c = read_json(folder / "case.json");
    const auto run = engine().generate(request_in(folder, c));
    ASSERT_EQ(run.results.size(), c["expected"].size());

    const Array latents = Arrays(folder / "latents.safetensors")["latents"];
    std::vector<float> ours;
    for (const Result& result : run.results) ours.insert(ours.end(), result.latents.begin(), result.latents.end());
    EXPECT_LE(max_abs_difference(ours, latents.values), c["limit"]["latent_max"].get<double>());

    for (size_t i = 0; i < run.results.size(); ++i) {
      const PictureDifference d = difference(run.results[i].image, read_image(folder / c["expected"][i].get<std::string>()));
      EXPECT_LE(d.largest, c["limit"]["png_max"].get<double>());
      EXPECT_LE(d.mean, c["limit"]["png_mean"].get<double>());
      EXPECT_GE(d.psnr, c["limit"]["psnr_min"].get<double>());
    }
    ++ran;
  }
  EXPECT_EQ(ran, 51);
}

Request demo_request(const nlohmann::json& c) {
  Request r;
  r.prompt = c["prompt"];
  r.negative = c["negative_prompt"].get<std::string>();
  r.seed = c["seed"];
  r.steps = c["steps"];
  r.guidance_scale = c["guidance"].get<float>();
  r.width = c["width"];
  r.height = c["height"];
  const bool multistep = c["scheduler"] == "DPMSolverMultistepScheduler";
  r.sampler = multistep ? "dpmpp_2m" : "ddim";
  r.scheduler = multistep ? "karras" : "";
  r.dtype = DType::f32;
  return r;
}

// The built-in model; native mode on purpose: a plain short prompt must give diffusers' picture.
TEST_P(Pictures, DemoModelReproducesItsReferenceRenders) {
  if (GetParam() == "reference") GTEST_SKIP() << "plain loops would take minutes";
  const nlohmann::json document = read_json(golden("demo/cases.json"));
  ASSERT_EQ(document["cases"].size(), 12u);
  for (const auto& c : document["cases"]) {
    const std::string name = c["name"];
    SCOPED_TRACE(name);
    const auto run = engine().generate(demo_request(c));
    const Arrays arrays(golden("demo/" + name + ".safetensors"));
    EXPECT_LE(max_abs_difference(run.results[0].latents, arrays["final_latents"].values), 1e-4);
    const PictureDifference d = difference(run.results[0].image, read_image(golden("demo/" + name + ".png")));
    EXPECT_LE(d.largest, 3);
    EXPECT_LE(d.mean, 0.05);
    EXPECT_GE(d.psnr, 60);
  }
}

IMAGENT_ON_EVERY_BACKEND(Pictures);

}  // namespace
}  // namespace imagent::test
