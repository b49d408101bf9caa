// T2I-Adapters, CLIP's image encoder and IP-Adapters' projections against diffusers and transformers: golden/image_adapters.
#include "image/clip_pixels.h"
#include "image/codec.h"
#include "models/clip_vision.h"
#include "models/controlnet.h"
#include "models/ip_adapter.h"
#include "models/t2i_adapter.h"
#include "pipeline/model_config.h"
#include "pipeline/model_folder.h"
#include "support/devices.h"
#include "weights/names_adapters.h"
#include "weights/open.h"

namespace imagent::test {
namespace {

std::filesystem::path folder(const std::string& name) { return golden("image_adapters/" + name); }

struct ImageAdapters : OnEveryBackend {
  Weights open(const std::string& file, TensorTable (*names)(const std::vector<std::string>&) = nullptr) {
    auto source = open_weights(folder(file));
    if (names) source = rearranged(source, names(source->names()));
    return Weights(source, device(), DType::f32);
  }
  T2IAdapter t2i_adapter(const std::string& name, const T2IAdapterConfig& config) {
    const Weights weights = open(name + "/diffusion_pytorch_model.safetensors", t2i_adapter_names);
    T2IAdapter adapter(weights, config);
    weights.finish();
    return adapter;
  }
};

// golden/components/README.md: intermediates.
double limit(std::span<const float> expected) {
  double most = 1;
  for (const float value : expected) most = std::max(most, std::abs(static_cast<double>(value)));
  return 1e-5 * most;
}

TEST_P(ImageAdapters, MapsOfT2IAdapters) {
  const Arrays arrays(folder("features.safetensors"));
  struct Case {
    const char* name;
    T2IAdapterConfig config;
    size_t levels;
    int channels;
  };
  for (const Case& c : {Case{"t2i-sd15", {}, 3, 3}, Case{"t2i-sd15-tiny-light", {}, 2, 3}, Case{"t2i-sdxl", {.downscale = 16, .xl = true}, 4, 1}}) {
    SCOPED_TRACE(c.name);
    const T2IAdapter adapter = t2i_adapter(c.name, c.config);
    EXPECT_EQ(adapter.picture_channels(), c.channels);
    const std::vector<Tensor> maps = adapter(upload_picture(device(), arrays[str(c.name, "/hint")]));
    ASSERT_EQ(maps.size(), c.levels);
    for (size_t i = 0; i < maps.size(); ++i) {
      const Array expected = arrays[str(c.name, "/feature.", i)];
      EXPECT_LE(max_abs_difference(to_planar(maps[i]), expected.values), limit(expected.values)) << i;
    }
  }
}

TEST_P(ImageAdapters, WithAControlNetInOneUNetCall) {
  const ModelFolder model(golden("models/sd15"));
  const UNet2DConditionModel unet(Weights(model.weights("unet", false), device(), DType::f32), unet_config(model.config("unet"), "unet"));
  const std::filesystem::path net = golden("models/controlnet-sd15");
  const ControlNetModel control(Weights(open_weights(net / "diffusion_pytorch_model.safetensors"), device(), DType::f32), unet_config(read_json(net / "config.json"), "net"));
  const Arrays arrays(folder("both.safetensors"));
  const Tensor sample = upload_picture(device(), arrays["sample"]), hint = upload_picture(device(), arrays["hint"]);
  UNetConditions conditions;
  conditions.context = test::upload(device(), arrays["encoder_hidden_states"]);
  conditions.timesteps = {500, 500};
  const Tensor embedded = control.controlnet_cond_embedding(hint);
  UNetResiduals residuals = control(sample, conditions, concat_rows(std::array{embedded, embedded}), control_scales(0.7f, GuessMode::none, control.residual_count()));
  for (const Tensor& map : t2i_adapter("t2i-sd15", {})(hint)) {
    const Tensor scaled = axpby(0.8f, map, 0, map);
    residuals.maps.push_back(concat_rows(std::array{scaled, scaled}));
  }
  EXPECT_LE(max_abs_difference(to_planar(unet(sample, conditions, residuals)), arrays["out"].values), 2e-5);
}

TEST_P(ImageAdapters, ImageEncoderAndTokens) {
  const Arrays arrays(folder("tokens.safetensors"));
  const Weights weights = open("image_encoder/model.safetensors");
  const ClipVisionModel encoder(weights, {.heads = 4});
  weights.finish({"vision_model.embeddings.position_ids"});
  ASSERT_EQ(encoder.image_size(), 48);
  const std::vector<float> pixels = clip_pixels(read_image(folder("picture.png")), 48);
  EXPECT_LE(max_abs_difference(pixels, to_channels_last(arrays["pixel_values"]).values), 1e-6);

  const auto look = [&](const std::vector<float>& values) { return encoder(imagent::upload(device(), {1, 48, 48, 3}, values)); };
  const ClipVisionOutput seen = look(pixels), blank = look(std::vector<float>(pixels.size()));
  EXPECT_LE(max_abs_difference(download(seen.image_embeds), arrays["image_embeds"].values), 2e-5);
  EXPECT_LE(max_abs_difference(download(seen.penultimate), arrays["hidden_states.2"].values), 2e-5);

  const Tensor zero = imagent::upload(device(), {1, 24}, std::vector<float>(24));
  for (const char* name : {"ip-sd15.safetensors", "ip-sd15-plus.bin", "ip-sd15-full.safetensors"}) {
    SCOPED_TRACE(name);
    const Weights file = open(name, ip_adapter_names);
    const IpAdapter adapter(file);
    file.finish();
    const bool states = adapter.reads_states();
    EXPECT_EQ(states, std::string(name) != "ip-sd15.safetensors");
    EXPECT_EQ(adapter.ip_adapter.size(), 11u);
    EXPECT_LE(max_abs_difference(download(adapter.tokens(states ? seen.penultimate : seen.image_embeds)), arrays[str(name, "/positive")].values), 2e-5);
    EXPECT_LE(max_abs_difference(download(adapter.tokens(states ? blank.penultimate : zero)), arrays[str(name, "/negative")].values), 2e-5);
  }
}

TEST(AdapterScales, GuessModeWeighsTheOuterLevelsLess) {
  EXPECT_EQ(adapter_scales(0.5f, false, 4), std::vector<float>(4, 0.5f));
  EXPECT_EQ(adapter_scales(2, true, 4), (std::vector<float>{0.5f, 1.24f, 1.65f, 2}));
  EXPECT_EQ(adapter_scales(1, true, 3), (std::vector<float>{0.62f, 0.825f, 1}));
}

IMAGENT_ON_EVERY_BACKEND(ImageAdapters);

}  // namespace
}  // namespace imagent::test
