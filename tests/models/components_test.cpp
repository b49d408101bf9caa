// Whole networks and their parts against diffusers and transformers: golden/components/{text,unet,vae}.
#include "models/clip.h"
#include "models/controlnet.h"
#include "models/embeddings.h"
#include "models/unet.h"
#include "models/vae.h"
#include "pipeline/model_config.h"
#include "pipeline/model_folder.h"
#include "support/devices.h"
#include "weights/safetensors.h"

namespace imagent::test {
namespace {

struct Components : OnEveryBackend {
  Weights open(const ModelFolder& folder, const std::string& part) { return Weights(folder.weights(part, false), device(), DType::f32); }

  UNetConditions conditions_of(const Arrays& arrays) {
    UNetConditions conditions;
    conditions.context = test::upload(device(), arrays["encoder_hidden_states"]);
    conditions.timesteps = arrays["timestep"].values;
    conditions.timesteps.resize(static_cast<size_t>(arrays["sample"].shape[0]), conditions.timesteps[0]);
    if (arrays.has("text_embeds")) conditions.text_embeds = test::upload(device(), arrays["text_embeds"]);
    if (arrays.has("time_ids")) conditions.time_ids = arrays["time_ids"].values;
    if (arrays.has("timestep_cond")) conditions.guidance = arrays["timestep_cond"].values;
    return conditions;
  }
};

TEST_P(Components, TextEncoders) {
  for (const auto& c : component_cases("text")) {
    if (c["file"].get<std::string>().find("added_tokens") != std::string::npos) continue;
    SCOPED_TRACE(c["file"]);
    const ModelFolder folder(golden(c["model"]));
    const std::string part = c["part"];
    const Weights weights = open(folder, part);
    const ClipTextModel model(weights, clip_text_config(folder.config(part), part));
    weights.finish({"text_model.embeddings.position_ids"});

    const Arrays arrays(golden("components/" + c["file"].get<std::string>()));
    const Array ids = arrays["input_ids"];
    const auto row_of = [](const Array& a, int64_t row) {
      const int64_t size = a.shape.numel() / a.shape[0];
      return std::span<const float>(a.values).subspan(static_cast<size_t>(row * size), static_cast<size_t>(size));
    };
    for (int64_t row = 0; row < ids.shape[0]; ++row) {
      const auto values = row_of(ids, row);
      const ClipTextOutput out = model(std::vector<int32_t>(values.begin(), values.end()));
      for (size_t layer = 0; layer < out.hidden_states.size(); ++layer)
        EXPECT_LE(max_abs_difference(download(out.hidden_states[layer]), row_of(arrays[str("hidden_states.", layer)], row)), 2e-5) << layer;
      EXPECT_LE(max_abs_difference(download(out.last_hidden_state), row_of(arrays["last_hidden_state"], row)), 2e-5);
      EXPECT_LE(max_abs_difference(download(out.pooled), row_of(arrays["pooler_output"], row)), 2e-5);
      if (out.text_embeds) {
        EXPECT_LE(max_abs_difference(download(out.text_embeds), row_of(arrays["text_embeds"], row)), 2e-5);
      }
    }
  }
}

// Two rows appended to the token embedding: the legacy rule pools at the first highest id, the other at the end token.
class WithAddedTokens : public Source {
 public:
  WithAddedTokens(std::shared_ptr<const Source> base, const Array& rows) : base_(std::move(base)) {
    const auto view = base_->find(name_);
    auto table = std::make_shared<std::vector<float>>(to_f32(*view));
    table->insert(table->end(), rows.values.begin(), rows.values.end());
    table_ = {DType::f32, {view->shape[0] + rows.shape[0], view->shape[1]}, std::as_bytes(std::span(*table)), table};
  }
  std::optional<TensorView> find(const std::string& name) const override { return name == name_ ? table_ : base_->find(name); }
  std::vector<std::string> names() const override { return base_->names(); }
  std::string origin() const override { return "added tokens"; }

 private:
  const std::string name_ = "text_model.embeddings.token_embedding.weight";
  std::shared_ptr<const Source> base_;
  TensorView table_;
};

TEST_P(Components, PooledTokenWithAddedEmbeddings) {
  const ModelFolder folder(golden("models/sdxl"));
  const Arrays arrays(golden("components/text/sdxl.text_encoder_2.added_tokens.safetensors"));
  const auto source = std::make_shared<WithAddedTokens>(folder.weights("text_encoder_2", false), arrays["extra_token_embeddings"]);
  const auto values = arrays["input_ids"].values;
  for (const int eos : {2, 1213}) {
    ClipTextConfig config = clip_text_config(folder.config("text_encoder_2"), "config");
    config.eos_token_id = eos;
    const ClipTextModel model(Weights(source, device(), DType::f32), config);
    const ClipTextOutput out = model(std::vector<int32_t>(values.begin(), values.end()));
    EXPECT_LE(max_abs_difference(download(out.text_embeds), arrays[str("text_embeds.eos_token_id_", eos)].values), 2e-5) << eos;
  }
}

TEST_P(Components, UNets) {
  for (const auto& c : component_cases("unet")) {
    SCOPED_TRACE(c["file"]);
    const ModelFolder folder(golden(c["model"]));
    const Weights weights = open(folder, "unet");
    const UNet2DConditionModel unet(weights, unet_config(folder.config("unet"), "unet"));
    weights.finish();

    const Arrays arrays(golden("components/" + c["file"].get<std::string>()));
    const UNetConditions conditions = conditions_of(arrays);
    EXPECT_LE(max_abs_difference(to_planar(unet(upload_picture(device(), arrays["sample"]), conditions)), arrays["out"].values), 2e-5);
  }
}

// The inputs of the UNets' cases under b1 1.5, b2 1.6, s1 0.9, s2 0.2 (tools/golden/freeu.py).
TEST_P(Components, FreeU) {
  const Arrays expected(golden("components/freeu.safetensors"));
  EXPECT_EQ(expected.names().size(), 5u);
  for (const std::string& file : expected.names()) {
    SCOPED_TRACE(file);
    const ModelFolder folder(golden("models/" + file.substr(0, file.find('.'))));
    const UNet2DConditionModel unet(open(folder, "unet"), unet_config(folder.config("unet"), "unet"));
    const Arrays arrays(golden("components/unet/" + file));
    UNetConditions conditions = conditions_of(arrays);
    conditions.freeu = {.b1 = 1.5f, .b2 = 1.6f, .s1 = 0.9f, .s2 = 0.2f};
    EXPECT_LE(max_abs_difference(to_planar(unet(upload_picture(device(), arrays["sample"]), conditions)), expected[file].values), 2e-5);
  }
}

TEST_P(Components, ControlNets) {
  for (const auto& c : component_cases("controlnet")) {
    SCOPED_TRACE(c["file"]);
    const ModelFolder base(golden(c["base"]));
    const UNet2DConditionModel unet(open(base, "unet"), unet_config(base.config("unet"), "unet"));
    const std::filesystem::path folder = golden(c["model"]);
    const Weights weights(open_safetensors(folder / "diffusion_pytorch_model.safetensors"), device(), DType::f32);
    const ControlNetModel control(weights, unet_config(read_json(folder / "config.json"), "controlnet"));
    weights.finish();

    const Arrays arrays(golden("components/" + c["file"].get<std::string>()));
    const Tensor sample = upload_picture(device(), arrays["sample"]);
    const Tensor hint = control.controlnet_cond_embedding(upload_picture(device(), arrays["controlnet_cond"]));
    EXPECT_LE(max_abs_difference(to_planar(hint), arrays["inner/controlnet_cond_embedding"].values), 1e-5);
    const UNetConditions conditions = conditions_of(arrays);
    EXPECT_LE(max_abs_difference(to_planar(unet(sample, conditions)), arrays["no_controlnet/unet_out"].values), 2e-5);

    for (const auto& [run, how] : c["runs"].items()) {
      SCOPED_TRACE(run);
      const auto scales = control_scales(how["conditioning_scale"], how["guess_mode"] ? GuessMode::diffusers : GuessMode::none, control.residual_count());
      const UNetResiduals residuals = control(sample, conditions, hint, scales);
      for (size_t i = 0; arrays.has(str(run, "/down.", i)); ++i) {
        const Array expected = arrays[str(run, "/down.", i)];
        EXPECT_LE(max_abs_difference(to_planar(residuals.down[i]), expected.values), 2e-5) << i;
      }
      if (arrays.has(str(run, "/mid"))) {
        EXPECT_LE(max_abs_difference(to_planar(residuals.mid), arrays[str(run, "/mid")].values), 2e-5);
      }
      EXPECT_LE(max_abs_difference(to_planar(unet(sample, conditions, residuals)), arrays[str(run, "/unet_out")].values), 2e-5);
    }
  }
}

TEST_P(Components, Autoencoders) {
  for (const auto& c : component_cases("vae")) {
    SCOPED_TRACE(c["file"]);
    const ModelFolder folder(golden(c["model"]));
    const VaeConfig config = vae_config(folder.config("vae"), "vae");
    EXPECT_FLOAT_EQ(config.scaling_factor, c["scaling_factor"].get<float>());
    const Weights weights = open(folder, "vae");
    const VaeDecoder decoder(weights, config);
    const VaeEncoder encoder(weights, config);
    weights.finish();

    const Arrays arrays(golden("components/" + c["file"].get<std::string>()));
    EXPECT_LE(max_abs_difference(to_planar(decoder(upload_picture(device(), arrays["latents"]))), arrays["decoded"].values), 2e-5);
    const std::vector<float> moments = to_planar(encoder(upload_picture(device(), arrays["image"])));
    const size_t half = moments.size() / 2;
    EXPECT_LE(max_abs_difference(std::span(moments).first(half), arrays["mean"].values), 2e-4);
    std::vector<float> logvar(moments.begin() + static_cast<std::ptrdiff_t>(half), moments.end());
    for (float& value : logvar) value = std::clamp(value, -30.0f, 20.0f);
    EXPECT_LE(max_abs_difference(logvar, arrays["logvar"].values), 5e-5);
  }
}

IMAGENT_ON_EVERY_BACKEND(Components);

TEST(Embeddings, AgreeWithDiffusers) {
  for (const auto& c : component_cases("ops")) {
    SCOPED_TRACE(c["file"]);
    const Arrays arrays(golden("components/" + c["file"].get<std::string>()));
    if (c["op"] == "timestep_embedding") {
      const SinusoidParams params{c["dim"], c["flip_sin_to_cos"], c["freq_shift"]};
      EXPECT_LE(max_abs_difference(sinusoidal_embedding(arrays["timesteps"].values, params), arrays["out"].values), 1e-4);
    } else if (c["op"] == "guidance_embedding") {
      std::vector<float> out;
      for (const float w : arrays["w"].values) {
        const auto row = guidance_embedding(w + 1, c["dim"]);
        out.insert(out.end(), row.begin(), row.end());
      }
      EXPECT_LE(max_abs_difference(out, arrays["out"].values), 1e-3);
    }
  }
}

}  // namespace
}  // namespace imagent::test
