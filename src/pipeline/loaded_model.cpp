// Loading the parts of a model.
#include "pipeline/loaded_model.h"

#include "pipeline/model_config.h"

namespace imagent {

LoadedModel::LoadedModel(ModelFolder folder, Backend& backend, DType compute)
    : folder_(std::move(folder)),
      backend_(backend),
      compute_(compute),
      scheduler_(scheduler_file(folder_.config("scheduler"), folder_.config_path("scheduler"))),
      unet_config_(imagent::unet_config(folder_.config("unet"), folder_.config_path("unet"))),
      vae_config_(imagent::vae_config(folder_.config("vae"), folder_.config_path("vae"))) {
  check(folder_.has("text_encoder") || folder_.has("text_encoder_2"), ErrorKind::model, folder_.path().string(), " has no text encoder");
}

Weights LoadedModel::open(const std::string& part) { return Weights(folder_.weights(part, size_of(compute_) == 2), backend_, compute_); }

void LoadedModel::close(const Weights& weights, const std::vector<std::string>& unneeded) {
  weights.finish(unneeded);
  packed_bytes_ += weights.packed_bytes();
}

static constexpr const char* encoder_suffixes[] = {"", "_2"};

const std::vector<PromptEncoder>& LoadedModel::prompt_encoders() {
  if (!prompt_encoders_.empty()) return prompt_encoders_;
  std::vector<PromptEncoder> encoders;
  for (const std::string suffix : encoder_suffixes)
    if (folder_.has("text_encoder" + suffix)) encoders.push_back({ClipTokenizer::from_folder(folder_.path() / ("tokenizer" + suffix))});
  return prompt_encoders_ = std::move(encoders);
}

const std::vector<ClipTextModel>& LoadedModel::text_encoders() {
  if (!text_encoders_.empty()) return text_encoders_;
  std::vector<ClipTextModel> encoders;  // all or none: a cancelled load may not leave the first of two
  for (const std::string suffix : encoder_suffixes) {
    const std::string part = "text_encoder" + suffix;
    if (!folder_.has(part)) continue;
    const Weights weights = open(part);
    encoders.emplace_back(weights, clip_text_config(folder_.config(part), folder_.config_path(part)));
    close(weights, {"text_model.embeddings.position_ids"});  // old checkpoints store the numbers 0..76
  }
  return text_encoders_ = std::move(encoders);
}

bool LoadedModel::flag(const char* name) const {
  const auto found = folder_.index().find(name);
  return found != folder_.index().end() && found->is_boolean() && found->get<bool>();
}

const UNet2DConditionModel& LoadedModel::unet() {
  if (!unet_) {
    const Weights weights = open("unet");
    unet_.emplace(weights, unet_config_);
    close(weights, {});
  }
  return *unet_;
}

const VaeDecoder& LoadedModel::vae_decoder() {
  if (!vae_decoder_) {
    const Weights weights = open("vae");
    vae_decoder_.emplace(weights, vae_config_);
    close(weights, {"encoder.", "quant_conv."});
  }
  return *vae_decoder_;
}

void LoadedModel::load() {
  text_encoders();
  unet();
  vae_decoder();
}

}  // namespace imagent
