// The real sizes against PyTorch, on synthetic checkpoints (golden/fullsize). Slow, and skipped without the models:
//   python3 tools/make_checkpoint.py sd15 f32 models/fullsize/sd15-f32
//   python3 tools/make_checkpoint.py sdxl bf16 models/fullsize/sdxl-bf16
// or wherever the environment variable IMAGENT_FULLSIZE says.
#include <cmath>
#include <cstdlib>

#include "image/codec.h"
#include "pipeline/engine.h"
#include "pipeline/loaded_model.h"
#include "support/devices.h"
#include "support/pictures.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

fs::path checkpoint(const std::string& name) {
  const char* folder = std::getenv("IMAGENT_FULLSIZE");
  return (folder ? fs::path(folder) : source_dir() / "models/fullsize") / name;
}

double rms_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return INFINITY;
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

// README: limits of an f32 engine, and of bf16 arithmetic with f32 sums.
struct Limits {
  DType dtype;
  double unet_rms, unet_max, vae_rms, vae_max, picture_psnr;
};
const Limits f32_limits{DType::f32, 1e-5, 1e-4, 2e-4, 1.2e-3, 58}, bf16_limits{DType::bf16, 1.2e-2, INFINITY, 6e-3, INFINITY, 36};

struct FullSize : testing::TestWithParam<Limits> {
  std::unique_ptr<LoadedModel> open(const std::string& name) {
    return std::make_unique<LoadedModel>(open_model_source(checkpoint(name)), backend("cpu"), GetParam().dtype);
  }
  static bool missing(const std::string& name) { return !fs::exists(checkpoint(name)); }
  bool unsupported() { return !backend("cpu").supports(GetParam().dtype); }
};
#define SKIP_WITHOUT(name)                                                                               \
  if (missing(name)) GTEST_SKIP() << "no checkpoint at " << checkpoint(name) << ": see the top of this file"; \
  if (unsupported()) GTEST_SKIP() << "this processor has no instructions for " << name_of(GetParam().dtype)

TEST_P(FullSize, Sd15Networks) {
  SKIP_WITHOUT("sd15-f32");
  const auto model = open("sd15-f32");
  const Arrays text(golden("fullsize/sd15/text.safetensors")), unet(golden("fullsize/sd15/unet.safetensors"));
  const Array ids = text["text_encoder.ids"];
  if (GetParam().dtype == DType::f32) {
    const auto out = model->text_encoders()[0](std::vector<int32_t>(ids.values.begin(), ids.values.end()));
    EXPECT_LE(max_abs_difference(download(out.last_hidden_state), text["text_encoder.last_hidden_state"].values), 1e-4);
  }

  UNetConditions conditions;
  Array context{{2, 77, 768}, text["uncond.last_hidden_state"].values};
  const auto prompt = text["text_encoder.last_hidden_state"].values;
  context.values.insert(context.values.end(), prompt.begin(), prompt.end());
  conditions.context = test::upload(backend("cpu"), context, GetParam().dtype);
  conditions.timesteps = {601, 601};
  Array sample = unet["sample"];
  sample.shape[0] = 2;
  sample.values.insert(sample.values.end(), sample.values.begin(), sample.values.begin() + 4 * 64 * 64);
  const auto eps = to_planar(model->unet()(upload_picture(backend("cpu"), sample, GetParam().dtype), conditions));
  EXPECT_LE(rms_difference(eps, unet["eps"].values), GetParam().unet_rms);
  EXPECT_LE(max_abs_difference(eps, unet["eps"].values), GetParam().unet_max);

  const Arrays vae(golden("fullsize/sd15/vae_decode.safetensors"));
  Array latent = vae["latent"];
  for (float& value : latent.values) value /= model->vae_config().scaling_factor;
  const auto picture = to_planar(model->vae_decoder()(upload_picture(backend("cpu"), latent, GetParam().dtype)));
  EXPECT_LE(rms_difference(picture, vae["image_f16"].values), GetParam().vae_rms);
  EXPECT_LE(max_abs_difference(picture, vae["image_f16"].values), GetParam().vae_max);
}

TEST_P(FullSize, Sd15Picture) {
  SKIP_WITHOUT("sd15-f32");
  const auto c = read_json(golden("fullsize/sd15/txt2img.json"));
  Request r;
  r.model = checkpoint("sd15-f32").string();
  r.prompt = c["prompt"];
  r.negative = c["negative_prompt"].get<std::string>();
  r.seed = c["seed"];
  r.steps = c["steps"];
  r.guidance_scale = c["guidance_scale"].get<float>();
  r.sampler = "euler";
  r.width = r.height = 512;
  r.dtype = GetParam().dtype;
  r.compat = Compat::diffusers;
  const auto run = Engine({.device = "cpu"}).generate(r);
  const Image expected = read_image(golden("fullsize/sd15/txt2img.png"));
  EXPECT_GE(difference(run.results[0].image, expected).psnr, GetParam().picture_psnr);
  if (GetParam().dtype != DType::f32) return;
  size_t far = 0;  // image max 1/255 on 99.9 % of the values
  for (size_t i = 0; i < expected.pixels.size(); ++i) far += std::abs(run.results[0].image.pixels[i] - expected.pixels[i]) > 1;
  EXPECT_LE(far, expected.pixels.size() / 1000);
}

TEST_P(FullSize, SdxlUNet) {
  SKIP_WITHOUT("sdxl-bf16");
  const auto model = open("sdxl-bf16");
  const Arrays text(golden("fullsize/sdxl/text.safetensors")), unet(golden("fullsize/sdxl/unet.safetensors"));
  const auto first = text["text_encoder.hidden_last_but_one"].values, second = text["text_encoder_2.hidden_last_but_one"].values;
  Array context{{1, 77, 2048}, {}};
  for (int64_t token = 0; token < 77; ++token) {
    context.values.insert(context.values.end(), first.begin() + token * 768, first.begin() + (token + 1) * 768);
    context.values.insert(context.values.end(), second.begin() + token * 1280, second.begin() + (token + 1) * 1280);
  }
  for (const std::string size : {"32", "128"}) {
    UNetConditions conditions;
    conditions.context = test::upload(backend("cpu"), context, GetParam().dtype);
    conditions.timesteps = {601};
    conditions.text_embeds = test::upload(backend("cpu"), text["text_encoder_2.text_embeds"], GetParam().dtype);
    conditions.time_ids = unet["time_ids_" + size].values;
    const auto eps = to_planar(model->unet()(upload_picture(backend("cpu"), unet["sample_" + size], GetParam().dtype), conditions));
    EXPECT_LE(rms_difference(eps, unet["eps_" + size].values), GetParam().unet_rms) << size;
    EXPECT_LE(max_abs_difference(eps, unet["eps_" + size].values), GetParam().unet_max) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(DTypes, FullSize, testing::Values(f32_limits, bf16_limits), [](const auto& info) { return std::string(name_of(info.param.dtype)); });

}  // namespace
}  // namespace imagent::test
