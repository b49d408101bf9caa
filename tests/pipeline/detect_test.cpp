// Detection of single files: configurations against the published ones, and files of other kinds.
#include "pipeline/detect.h"

#include "base/error.h"
#include "pipeline/memory.h"
#include "pipeline/model_folder.h"
#include "support/golden.h"
#include "support/zero_model.h"
#include "weights/names_ldm.h"

namespace imagent::test {
namespace {

ModelConfig detect(const Shapes& shapes, const std::map<std::string, std::string>& metadata = {}, const std::string& origin = "model.safetensors",
                   const std::string& prediction = {}) {
  const auto file = std::make_shared<ZeroSource>(shapes, metadata, origin);
  const LdmParts parts = ldm_parts(file->names());
  require_whole_model(*file, parts);
  return detect_model(file, parts, prediction);
}

void expect_same(const ModelConfig& ours, const ModelConfig& published) {
  EXPECT_EQ(ours.unet.heads, published.unet.heads);
  EXPECT_EQ(ours.unet.norm_num_groups, published.unet.norm_num_groups);
  EXPECT_EQ(ours.unet.norm_eps, published.unet.norm_eps);
  EXPECT_EQ(ours.unet.addition_time_embed_dim, published.unet.addition_time_embed_dim);
  EXPECT_EQ(ours.unet.sample_size, published.unet.sample_size);
  EXPECT_EQ(ours.vae.scaling_factor, published.vae.scaling_factor);
  EXPECT_EQ(ours.vae.latent_channels, published.vae.latent_channels);
  EXPECT_EQ(ours.zeros_for_no_negative, published.zeros_for_no_negative);
  EXPECT_EQ(ours.wants_aesthetic_score, published.wants_aesthetic_score);
  ASSERT_EQ(ours.text_encoders.size(), published.text_encoders.size());
  for (const auto& [part, encoder] : published.text_encoders) {
    ASSERT_TRUE(ours.text_encoders.contains(part)) << part;
    const ClipTextConfig& own = ours.text_encoders.at(part);
    EXPECT_EQ(own.heads, encoder.heads);
    EXPECT_EQ(own.act, encoder.act);
    EXPECT_EQ(own.eos_token_id, encoder.eos_token_id);
  }
  SchedulerFile wanted = published.scheduler;
  wanted.emplace("prediction_type", std::string("epsilon"));
  for (const char* neutral : {"_diffusers_version", "interpolation_type", "sample_max_value", "use_karras_sigmas"}) wanted.erase(neutral);
  EXPECT_EQ(ours.scheduler, wanted);
  EXPECT_EQ(ours.defaults.width, published.defaults.width);
  EXPECT_EQ(ours.defaults.steps, published.defaults.steps);
  EXPECT_EQ(ours.defaults.guidance_scale, published.defaults.guidance_scale);
}

ModelConfig published(const std::string& model) { return ModelFolder(golden("manifests/configs/" + model)).model_config(""); }

Shapes with_inpainting_channels(Shapes shapes) {
  shapes["model.diffusion_model.input_blocks.0.0.weight"][1] = 9;
  return shapes;
}

TEST(Detect, ConfigurationsAreThePublishedOnes) {
  for (const char* model : {"sd15", "sd15-inpaint", "sdxl-base", "sdxl-refiner"}) {
    SCOPED_TRACE(model);
    const ModelConfig ours = detect(single_file(model));
    EXPECT_TRUE(ours.prediction_known);
    expect_same(ours, published(model));
  }
  expect_same(detect(with_inpainting_channels(single_file("sd21"))), published("sd21-inpaint"));
  expect_same(detect(with_inpainting_channels(single_file("sdxl-base"))), published("sdxl-inpaint"));
  expect_same(detect(single_file("sd21"), {{"modelspec.architecture", "stable-diffusion-v2-768-v"}}), published("sd21"));
}

// Every part is built (each tensor it wants is there, none is left over) and runs, with memory only counted.
TEST(Detect, RealModelsFitTheNetworks) {
  for (const char* model : {"sd15", "sd15-inpaint", "sd21", "sdxl-base", "sdxl-refiner"}) {
    SCOPED_TRACE(model);
    const nlohmann::json parameters = read_json(golden(std::string("manifests/") + model + ".json"))["parameters"];
    double wanted = 0;
    for (const auto& [part, count] : parameters.items())
      if (part != "vae") wanted += 4 * count.get<double>();
    const Shapes shapes = single_file(model);
    for (const auto& [name, shape] : shapes)
      if (name.ends_with("token_embedding.weight") || name.ends_with("position_embedding.weight") || name.ends_with("positional_embedding"))
        wanted -= 4.0 * static_cast<double>(shape[0] * shape[1]);  // tables stay in the file
    const MemoryNeed need = predict_memory(std::make_shared<ZeroModel>(shapes), {.latent_height = 16, .latent_width = 16});
    EXPECT_GT(static_cast<double>(need.weights), wanted);  // and the VAE's decoder
    EXPECT_LT(static_cast<double>(need.weights), 1.1 * wanted + 4 * parameters["vae"].get<double>());
  }
}

std::string prediction_of(const ModelConfig& config) {
  return config.prediction_known ? std::get<std::string>(config.scheduler.at("prediction_type")) : "unknown";
}

TEST(Detect, PredictionFromMarkersAndMetadata) {
  const Shapes sd2 = single_file("sd21");
  Shapes xl = single_file("sdxl-base");
  EXPECT_EQ(prediction_of(detect(sd2)), "unknown");  // only a call of the UNet tells
  EXPECT_EQ(detect(sd2).defaults.width, 512);
  const ModelConfig v = detect(sd2, {{"modelspec.prediction_type", "v"}});
  EXPECT_EQ(prediction_of(v), "v_prediction");
  EXPECT_EQ(v.defaults.width, 768);
  EXPECT_EQ(prediction_of(detect(sd2, {{"modelspec.prediction_type", "epsilon"}})), "epsilon");
  EXPECT_EQ(prediction_of(detect(sd2, {{"modelspec.architecture", "stable-diffusion-v2-512"}})), "epsilon");
  EXPECT_EQ(prediction_of(detect(sd2, {{"modelspec.prediction_type", "v"}}, "a", "epsilon")), "epsilon");
  EXPECT_EQ(detect(sd2, {}, "a", "v_prediction").defaults.width, 768);
  xl["v_pred"] = {0};
  EXPECT_EQ(prediction_of(detect(xl)), "v_prediction");
  EXPECT_FALSE(detect(xl).scheduler.contains("rescale_betas_zero_snr"));
  xl["ztsnr"] = {0};
  EXPECT_EQ(detect(xl).scheduler.at("rescale_betas_zero_snr"), SchedulerValue(true));
  EXPECT_EQ(detect(xl).scheduler.at("timestep_spacing"), SchedulerValue(std::string("trailing")));
  EXPECT_EQ(detect(xl).defaults.steps, 30);
  EXPECT_EQ(prediction_of(detect(xl, {}, "a", "sample")), "sample");
}

TEST(Detect, DistilledModels) {
  const Shapes xl = single_file("sdxl-base");
  for (const ModelConfig& turbo : {detect(xl, {}, "/models/sd_xl_turbo_1.0_fp16.safetensors"), detect(xl, {{"modelspec.title", "SDXL-Turbo"}})}) {
    EXPECT_EQ(turbo.scheduler.at("_class_name"), SchedulerValue(std::string("EulerAncestralDiscreteScheduler")));
    EXPECT_EQ(turbo.defaults.steps, 1);
    EXPECT_EQ(turbo.defaults.guidance_scale, 0);
    EXPECT_EQ(turbo.defaults.width, 512);
  }
  const ModelConfig sd_turbo = detect(single_file("sd21"), {}, "sd_turbo.safetensors");
  EXPECT_EQ(sd_turbo.scheduler.at("_class_name"), SchedulerValue(std::string("EulerDiscreteScheduler")));
  EXPECT_EQ(prediction_of(sd_turbo), "epsilon");
  EXPECT_EQ(sd_turbo.defaults.steps, 1);
  EXPECT_EQ(detect(xl, {}, "myTurboMix.safetensors").defaults.steps, 30);  // somebody's own mixture
  Shapes lcm = single_file("sd15");
  lcm["model.diffusion_model.time_embed.cond_proj.weight"] = {320, 256};
  EXPECT_EQ(detect(lcm).scheduler.at("_class_name"), SchedulerValue(std::string("LCMScheduler")));
  EXPECT_EQ(detect(lcm).defaults.steps, 4);
  EXPECT_EQ(detect(lcm, {{"modelspec.resolution", "768x768"}}).defaults.width, 768);
  EXPECT_EQ(detect(lcm, {{"modelspec.resolution", "huge"}}).defaults.width, 512);
}

void expect_refused(const Shapes& shapes, ErrorKind kind, const std::string& part) {
  try {
    detect(shapes);
    ADD_FAILURE() << "accepted, expected: " << part;
  } catch (const Error& e) {
    EXPECT_EQ(e.kind, kind) << e.text;
    EXPECT_NE(e.text.find(part), std::string::npos) << e.text;
    EXPECT_NE(e.text.find("model.safetensors"), std::string::npos) << e.text;
  }
}

Shapes only(const Shapes& all, const std::string& prefix) {
  Shapes out;
  for (const auto& [name, shape] : all)
    if (name.starts_with(prefix)) out[name] = shape;
  return out;
}

TEST(Detect, OtherFilesAreSaidSo) {
  const Shapes sd15 = single_file("sd15");
  expect_refused(only(sd15, "first_stage_model."), ErrorKind::model, "is a VAE only");
  expect_refused(single_file("sdxl-vae"), ErrorKind::model, "is a VAE only");
  expect_refused(only(sd15, "cond_stage_model."), ErrorKind::model, "is a text encoder only");
  expect_refused({{"text_model.final_layer_norm.bias", {768}}}, ErrorKind::model, "is a text encoder only");
  expect_refused(only(sd15, "model.diffusion_model."), ErrorKind::model, "is the UNet of a model only");
  expect_refused(single_file("controlnet-sd15"), ErrorKind::model, "is a ControlNet");
  expect_refused({{"lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", {4, 320}}}, ErrorKind::model, "is a LoRA");
  expect_refused({{"unet.down_blocks.0.attentions.0.proj_in.lora_A.weight", {4, 320}}}, ErrorKind::model, "is a LoRA");
  expect_refused({{"emb_params", {2, 768}}}, ErrorKind::model, "textual-inversion");
  expect_refused({{"down_blocks.0.resnets.0.norm1.weight", {320}}}, ErrorKind::model, "diffusers folder");
  expect_refused({{"model.diffusion_model.joint_blocks.0.x", {1}}, {"first_stage_model.decoder.conv_in.weight", {512, 16, 3, 3}}}, ErrorKind::unsupported, "Stable Diffusion 3");
  expect_refused({{"double_blocks.0.img_attn.qkv.weight", {1}}}, ErrorKind::unsupported, "Flux");
  expect_refused({{"something.else", {1}}}, ErrorKind::model, "is no Stable Diffusion model");
  expect_refused({}, ErrorKind::model, "is no Stable Diffusion model");
  Shapes no_vae = sd15;
  std::erase_if(no_vae, [](const auto& entry) { return entry.first.starts_with("first_stage_model."); });
  expect_refused(no_vae, ErrorKind::model, "has no VAE");
}

TEST(Detect, UnknownWidthsWantAConfiguration) {
  Shapes odd = single_file("sd15");
  for (auto& [name, shape] : odd)
    if (name.ends_with("attn2.to_k.weight")) shape[1] = 333;
  expect_refused(odd, ErrorKind::unsupported, "width 333");
  Shapes small = single_file("sd15");
  small["cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"][0] = 1214;
  expect_refused(small, ErrorKind::unsupported, "1214 vocabulary entries");
}

TEST(Detect, PaddingOfEachEncoder) {
  const auto pad_of = [](const std::string& manifest, const std::string& part) {
    const auto file = std::make_shared<ZeroSource>(single_file(manifest));
    return ClipTokenizer::from_bpe_table(clip_bpe_table(), pad_token(*rearranged(file, ldm_parts(file->names()).at(part)))).pad_id();
  };
  EXPECT_EQ(pad_of("sd15", "text_encoder"), 49407);
  EXPECT_EQ(pad_of("sd21", "text_encoder"), 0);
  EXPECT_EQ(pad_of("sdxl-base", "text_encoder"), 49407);
  EXPECT_EQ(pad_of("sdxl-base", "text_encoder_2"), 0);
  EXPECT_EQ(pad_of("sdxl-refiner", "text_encoder_2"), 0);
}

}  // namespace
}  // namespace imagent::test
