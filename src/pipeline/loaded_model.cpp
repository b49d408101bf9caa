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
  if (prompt_encoders_.empty())
    for (const std::string suffix : encoder_suffixes)
      if (folder_.has("text_encoder" + suffix)) prompt_encoders_.push_back({ClipTokenizer::from_folder(folder_.path() / ("tokenizer" + suffix))});
  return prompt_encoders_;
}

const std::vector<ClipTextModel>& LoadedModel::text_encoders() {
  if (!text_encoders_.empty()) return text_encoders_;
  for (const std::string suffix : encoder_suffixes) {
    const std::string part = "text_encoder" + suffix;
    if (!folder_.has(part)) continue;
    const Weights weights = open(part);
    text_encoders_.emplace_back(weights, clip_text_config(folder_.config(part), folder_.config_path(part)));
    close(weights, {"text_model.embeddings.position_ids"});  // old checkpoints store the numbers 0..76
  }
  return text_encoders_;
}

bool LoadedModel::zeros_for_no_negative() const {
  const auto flag = folder_.index().find("force_zeros_for_empty_prompt");
  return flag != folder_.index().end() && flag->is_boolean() && flag->get<bool>();
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
