// T2I-Adapters and IP-Adapters in runs: pictures against diffusers (golden/image_adapters), files, errors, memory, batches.
#include "image/codec.h"
#include "pipeline/cpu_engine.h"
#include "pipeline/loaded_control.h"
#include "pipeline/loaded_ip_adapter.h"
#include "pipeline/memory.h"
#include "support/devices.h"
#include "support/pictures.h"
#include "support/scratch.h"
#include "support/write_safetensors.h"
#include "weights/open.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

fs::path folder(const std::string& name) { return golden("image_adapters/" + name); }

std::shared_ptr<const Image> picture(const std::string& path) { return std::make_shared<const Image>(read_image(folder(path))); }

Request request_of(const nlohmann::json& c) {
  Request r;
  const std::string name = c["name"];
  r.prompt = c["prompt"];
  if (c.contains("negative")) r.negative = c["negative"].get<std::string>();
  r.model = golden("models/" + c["model"].get<std::string>()).string();
  r.width = c["width"];
  r.height = c["height"];
  r.steps = c["steps"];
  r.guidance_scale = c["guidance"].get<float>();
  r.seed = c["seed"];
  r.sampler = c["sampler"];
  for (const auto& unit : c.value("control", nlohmann::json::array()))
    r.controls.push_back({.model = folder(unit["model"]).string(),
                          .image = picture(str(name, "/hint_", r.controls.size(), ".png")),
                          .strength = unit["scale"],
                          .start = unit.value("start", 0.0),
                          .end = unit.value("end", 1.0)});
  for (const auto& unit : c.value("ip", nlohmann::json::array()))
    r.ip_adapters.push_back({.model = folder(unit["adapter"]).string(),
                             .image = picture(str(name, "/prompt_", r.ip_adapters.size(), ".png")),
                             .strength = unit["scale"],
                             .start = unit.value("start", 0.0),
                             .end = unit.value("end", 1.0)});
  r.compat = Compat::diffusers;
  r.dtype = DType::f32;
  return r;
}

Request request_of(const std::string& name) { return request_of(read_json(folder(name) / "case.json")); }

struct AdapterPictures : OnEveryBackend {};

TEST_P(AdapterPictures, AgreeWithDiffusers) {
  Engine engine({.device = GetParam(), .threads = 0, .builtin_model = source_dir() / "models/demo"});
  int ran = 0;
  for (const auto& entry : fs::directory_iterator(folder(""))) {
    if (!fs::exists(entry.path() / "case.json")) continue;
    SCOPED_TRACE(entry.path().filename());
    const nlohmann::json c = read_json(entry.path() / "case.json");
    const auto run = engine.generate(request_of(c));
    EXPECT_LE(max_abs_difference(run.results[0].latents, Arrays(entry.path() / "latents.safetensors")["latents"].values), c["limit"]["latent_max"].get<double>());
    const PictureDifference d = difference(run.results[0].image, read_image(entry.path() / "expected.png"));
    EXPECT_LE(d.largest, c["limit"]["png_max"].get<double>());
    EXPECT_LE(d.mean, c["limit"]["png_mean"].get<double>());
    EXPECT_GE(d.psnr, c["limit"]["psnr_min"].get<double>());
    ++ran;
  }
  EXPECT_EQ(ran, 10);
}

IMAGENT_ON_EVERY_BACKEND(AdapterPictures);

Request quick(const std::string& name) {
  Request r = request_of(name);
  r.steps = 2;
  r.compat = Compat::native;
  return r;
}

void expect_error(const Request& request, const std::string& part) {
  const std::string error = error_of(request);
  EXPECT_NE(error.find(part), std::string::npos) << error;
}

// The toy adapter under the names of the original files, and as it lies in its folder.
TEST(T2IAdapter, ComesFromAFileToo) {
  const Scratch scratch;
  const fs::path file = folder("t2i-sd15") / "diffusion_pytorch_model.safetensors";
  const auto source = open_weights(file);
  std::map<std::string, TensorView> original;
  for (const std::string& name : source->names()) {
    std::string own = name.substr(std::string("adapter.").size());
    for (int level = 0; level < 3; ++level) {
      const std::string block = str("body.", level, ".");
      for (int resnet = 0; resnet < 2; ++resnet)
        if (const std::string start = str(block, "resnets.", resnet, "."); own.starts_with(start)) own = str("flat.", 2 * level + resnet, ".", own.substr(start.size()));
      if (own.starts_with(block)) own = str("flat.", 2 * level, ".", own.substr(block.size()));
    }
    original[own.starts_with("flat.") ? "body." + own.substr(5) : own] = *source->find(name);
  }
  write_safetensors(scratch / "t2i.safetensors", original);
  const std::vector<float> expected = latents_of(quick("t2i-sd15"));
  for (const fs::path& path : {file, scratch / "t2i.safetensors"}) {
    Request r = quick("t2i-sd15");
    r.controls[0].model = path.string();
    EXPECT_EQ(latents_of(r), expected) << path;
  }
}

TEST(T2IAdapter, RefusesWhatDoesNotFit) {
  Request r = quick("t2i-sd15");
  r.controls[0].model = folder("t2i-sdxl").string();
  expect_error(r, "the T2I-Adapter t2i-sdxl gives maps of");
  r = quick("t2i-sdxl");
  r.controls[0].model = folder("t2i-sd15").string();
  expect_error(r, "it is made for another kind of model");
  const Scratch scratch;
  std::ofstream(scratch / "config.json") << R"({"_class_name": "T2IAdapter", "adapter_type": "style_adapter"})";
  fs::copy(folder("t2i-sd15") / "diffusion_pytorch_model.safetensors", scratch.path());
  r.controls[0].model = scratch.path().string();
  expect_error(r, "imagent knows full_adapter, full_adapter_xl and light_adapter");
  std::ofstream(scratch / "config.json") << R"({"_class_name": "ControlNetModel"})";
  expect_error(r, "describes another kind of network than its weights are");
}

// Sides that are no multiple of the squares that become one pixel, and edges as its picture.
TEST(T2IAdapter, WorksAtEverySizeAndWithThePreprocessor) {
  Request r = quick("t2i-sdxl");
  r.width = 72;
  r.height = 88;
  const std::vector<float> plain = latents_of(r);
  r.controls[0].preprocess = Preprocessor::canny;
  EXPECT_NE(latents_of(r), plain);
  r.controls[0].strength = 0;
  const std::vector<float> none = latents_of(r);
  r.controls.clear();
  EXPECT_EQ(none, latents_of(r));
}

TEST(T2IAdapter, WorksBesideAControlNet) {
  Request r = quick("t2i-sd15");
  const std::vector<float> adapter = latents_of(r);
  r.controls.push_back({.model = golden("models/controlnet-sd15").string(), .image = r.controls[0].image, .strength = 0.5f});
  const std::vector<float> both = latents_of(r);
  EXPECT_NE(both, adapter);
  std::swap(r.controls[0], r.controls[1]);
  EXPECT_EQ(latents_of(r), both);
  r.controls.pop_back();
  EXPECT_NE(latents_of(r), both);
}

// Rows that see it and rows that do not, pictures of their own seeds, in one batch and alone.
TEST(ImageAdapters, BatchesAreTheSameBytes) {
  Request r = quick("ip-sd15-two");
  r.prompt = "a bird AND a tree";
  r.controls = quick("t2i-sd15").controls;
  r.controls[0].mode = ControlMode::control;
  r.batch = 2;
  const auto both = engine().generate(r);
  r.batch = 1;
  r.seed += 1;
  EXPECT_EQ(both.results[1].latents, latents_of(r));
}

TEST(IpAdapter, StrengthZeroIsNoIpAdapter) {
  Request r = quick("ip-sd15");
  const std::vector<float> whole = latents_of(r);
  r.ip_adapters[0].strength = 0;
  const std::vector<float> none = latents_of(r);
  r.ip_adapters.clear();
  EXPECT_EQ(none, latents_of(r));
  EXPECT_NE(none, whole);
}

std::shared_ptr<const Image> halves(uint8_t left, uint8_t right) {
  Image region(64, 32, 3);
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 64; ++x) std::fill_n(region.at(x, y), 3, x < 32 ? left : right);
  return std::make_shared<const Image>(region);
}

// Odd sizes, and a second pass of another size.
TEST(ImageAdapters, CountInTheirRegionsOnly) {
  Request r = quick("ip-sd15");
  r.controls = quick("t2i-sd15").controls;
  r.width = 72;
  r.height = 88;
  r.hires_scale = 1.5;
  const auto with_regions = [&](std::shared_ptr<const Image> adapter, std::shared_ptr<const Image> control) {
    r.ip_adapters[0].region = std::move(adapter);
    r.controls[0].region = std::move(control);
    return latents_of(r);
  };
  const auto white = halves(255, 255), black = halves(0, 0), left = halves(255, 0);
  const std::vector<float> everywhere = with_regions(nullptr, nullptr), nowhere = with_regions(black, black);
  EXPECT_EQ(with_regions(white, white), everywhere);
  EXPECT_NE(with_regions(left, nullptr), everywhere);
  EXPECT_NE(with_regions(left, nullptr), with_regions(black, nullptr));
  EXPECT_NE(with_regions(nullptr, left), everywhere);
  EXPECT_NE(with_regions(nullptr, left), with_regions(nullptr, black));
  r.ip_adapters.clear();
  r.controls.clear();
  EXPECT_EQ(latents_of(r), nowhere);
}

TEST(IpAdapter, TakesTheEncoderThatIsNamed) {
  const Scratch scratch;
  fs::copy(folder("ip-sd15.safetensors"), scratch.path());
  Request r = quick("ip-sd15");
  const std::vector<float> expected = latents_of(r);
  r.ip_adapters[0].model = (scratch / "ip-sd15.safetensors").string();
  expect_error(r, "an image encoder of width 24 is wanted, and the folder image_encoder beside it is none: name one (--ip-encoder)");
  for (const fs::path& encoder : {folder("image_encoder"), folder("image_encoder") / "model.safetensors"}) {
    r.ip_adapters[0].encoder = encoder.string();
    EXPECT_EQ(latents_of(r), expected);
  }
  r.ip_adapters[0].encoder = golden("models/sd15/text_encoder").string();
  expect_error(r, "is a text encoder only: CLIP's image encoder is wanted");
  // The published layout: encoders of several widths, each beside the adapters that read it.
  fs::create_directories(scratch / "models");
  fs::copy(folder("image_encoder"), scratch / "models/image_encoder", fs::copy_options::recursive);
  fs::create_directories(scratch / "sdxl_models");
  fs::rename(scratch / "ip-sd15.safetensors", scratch / "sdxl_models/ip-sd15.safetensors");
  r.ip_adapters[0].encoder.clear();
  r.ip_adapters[0].model = (scratch / "sdxl_models/ip-sd15.safetensors").string();
  EXPECT_EQ(latents_of(r), expected);
}

TEST(IpAdapter, RefusesWhatDoesNotFit) {
  Request r = quick("ip-sd15");
  r.ip_adapters[0].model = folder("ip-sdxl-plus.safetensors").string();
  expect_error(r, "is made for a model whose text is 96 wide, this one's is 32");
  r.ip_adapters[0].model = golden("models/sd15/vae/diffusion_pytorch_model.safetensors").string();
  expect_error(r, "an IP-Adapter is wanted");
  r.ip_adapters[0].model = folder("nothing").string();
  expect_error(r, "there is no IP-Adapter");
  r = quick("ip-sd15");
  r.model = golden("models/sd15-tiny").string();
  expect_error(r, "its 11 layers do not fit this UNet's");
  r = quick("ip-sd15");
  r.ip_adapters[0].image = std::make_shared<const Image>(1000, 2, 3);
  expect_error(r, "a picture of 1000x2 is no prompt");
  r.ip_adapters[0].image = nullptr;
  expect_error(r, "the picture is missing (--ip-image)");
  r = quick("ip-sd15");
  r.ip_adapters[0].start = 0.9;
  r.ip_adapters[0].end = 0.1;
  expect_error(r, "lies behind --ip-end");
}

TEST(IpAdapter, RefusesAdaptersForFaces) {
  const Scratch scratch;
  const std::vector<float> zeros(64);
  const TensorView matrix{DType::f32, {8, 8}, std::as_bytes(std::span(zeros)), nullptr}, vector{DType::f32, {8}, std::as_bytes(std::span(zeros)).first(32), nullptr};
  write_safetensors(scratch / "faceid.safetensors", {{"image_proj.norm.weight", vector}, {"image_proj.proj.0.weight", matrix}, {"ip_adapter.1.to_k_ip.weight", matrix}});
  Request r = quick("ip-sd15");
  r.ip_adapters[0].model = (scratch / "faceid.safetensors").string();
  expect_error(r, "is a FaceID adapter");
}

TEST(ImageAdapters, MemoryIsPredictedWithThem) {
  const auto encoder = std::make_shared<LoadedImageEncoder>(open_image_encoder(folder("image_encoder"), false), engine().backend(), DType::f32);
  const LoadedIpAdapter plain(open_ip_adapter(folder("ip-sd15.safetensors")), encoder, engine().backend(), DType::f32);
  const LoadedIpAdapter plus(open_ip_adapter(folder("ip-sd15-plus.bin")), encoder, engine().backend(), DType::f32);
  const LoadedControl adapter(open_control(folder("t2i-sd15"), false), engine().backend(), DType::f32);
  const auto need = [&](std::vector<const LoadedControl*> controls, std::vector<const LoadedIpAdapter*> ip_adapters) {
    return predict_memory(open_model_source(golden("models/sd15")), {.latent_height = 32, .latent_width = 32, .controls = std::move(controls), .ip_adapters = std::move(ip_adapters)});
  };
  const MemoryNeed none = need({}, {}), t2i = need({&adapter}, {}), one = need({}, {&plain}), two = need({}, {&plain, &plus});
  EXPECT_GT(t2i.weights, none.weights + 2 * fs::file_size(folder("t2i-sd15") / "diffusion_pytorch_model.safetensors") - 8192) << "stored as f16";
  EXPECT_GT(t2i.activations, none.activations);
  EXPECT_GT(one.weights, none.weights + fs::file_size(folder("image_encoder/model.safetensors")));
  EXPECT_GT(one.activations, none.activations);
  EXPECT_GT(two.weights, one.weights);
  EXPECT_LT(two.weights, 2 * one.weights - none.weights + (size_t{1} << 18)) << "one encoder for both";
  EXPECT_GT(two.activations, one.activations);
}

TEST(ImageAdapters, AreWrittenDown) {
  Request r = quick("ip-sd15-window");
  r.controls = quick("t2i-sd15").controls;
  const std::string text = engine().generate(r).results[0].infotext;
  EXPECT_NE(text.find("ControlNet 0: \"Module: none, Model: t2i-sd15, Weight: 1, "), std::string::npos) << text;
  EXPECT_NE(text.find("IP-Adapter 0: \"Model: ip-sd15-plus, Weight: 1, Guidance Start: 0.25, Guidance End: 0.75\""), std::string::npos) << text;
}

}  // namespace
}  // namespace imagent::test
