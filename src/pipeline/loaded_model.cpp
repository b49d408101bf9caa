// Loading the parts of a model.
#include "pipeline/loaded_model.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "ops/ops.h"
#include "pipeline/vae_source.h"
#include "sampling/rng.h"

namespace imagent {

LoadedModel::LoadedModel(std::shared_ptr<const ModelSource> source, Backend& backend, DType compute, const std::string& prediction)
    : source_(std::move(source)), backend_(backend), compute_(compute), config_(source_->model_config(prediction)) {
  check(!config_.text_encoders.empty(), ErrorKind::model, source_->path().string(), " has no text encoder");
}

std::list<AdaptedPart>& LoadedModel::adapted_parts() {
  if (!adapted_parts_.empty()) return adapted_parts_;
  std::list<AdaptedPart> parts;
  for (const char* part : {"text_encoder", "text_encoder_2", "unet"})
    if (source_->has(part)) parts.emplace_back(part, source_->weights(part, size_of(compute_) == 2));
  return adapted_parts_ = std::move(parts);
}

AdaptedPart& LoadedModel::adapted(const std::string& part) {
  for (AdaptedPart& adapted : adapted_parts())
    if (adapted.part() == part) return adapted;
  fail(ErrorKind::model, source_->path().string(), " has no ", part);
}

const std::string& LoadedModel::text_encoder_name(size_t encoder) const {
  return std::next(config_.text_encoders.begin(), static_cast<std::ptrdiff_t>(encoder))->first;
}

std::vector<LoraUse> LoadedModel::loras_of_text_encoder(size_t encoder) { return adapted(text_encoder_name(encoder)).effective_uses(); }

Weights LoadedModel::scope_of(std::shared_ptr<const Source> source) const {
  Weights weights(std::move(source), backend_, compute_);
  if (seamless_) weights.wrap_convolutions();
  return weights;
}

void LoadedModel::close_adapted(const std::string& part, const Weights& weights) {
  adapted(part).built(weights);
  packed_bytes_ += weights.packed_bytes();
}

const std::vector<PromptEncoder>& LoadedModel::prompt_encoders() {
  if (!prompt_encoders_.empty()) return prompt_encoders_;
  std::vector<PromptEncoder> encoders;
  for (const auto& [part, config] : config_.text_encoders) encoders.push_back({source_->tokenizer(part)});
  return prompt_encoders_ = std::move(encoders);
}

void LoadedModel::use_embeddings(std::vector<std::shared_ptr<const NamedEmbedding>> embeddings) {
  if (embeddings == embeddings_) return;
  std::vector<EmbeddingName> names;
  for (const auto& embedding : embeddings) names.push_back({embedding->name, embedding->prompt_vectors()});
  prompt_encoders();
  for (PromptEncoder& encoder : prompt_encoders_) encoder.embeddings = EmbeddingNames(encoder.tokenizer, names);
  embeddings_ = std::move(embeddings);
}

const LearnedVectors& LoadedModel::learned_vectors(size_t encoder, const std::string& name) {
  const std::string& part = text_encoder_name(encoder);
  const auto found = std::find_if(embeddings_.begin(), embeddings_.end(), [&](const auto& embedding) { return embedding->name == name; });
  check(found != embeddings_.end(), "no embedding ", name, " is in use");
  const NamedEmbedding& embedding = **found;
  check(embedding.fault.empty(), ErrorKind::model, "embedding ", name, ": ", embedding.fault);
  const LearnedEmbedding& vectors = embedding.vectors;
  const auto& own = penultimate_states() ? (part == "text_encoder" ? vectors.clip_l : vectors.clip_g) : vectors.only;
  check(own.has_value(), ErrorKind::model, embedding.path.string(), penultimate_states() ? " has one kind of vectors: SDXL wants clip_l and clip_g" :
        " has vectors clip_l and clip_g: it is made for SDXL");
  const auto table = adapted(part).base().find("text_model.embeddings.token_embedding.weight");
  const int64_t width = table && table->shape.rank() == 2 ? table->shape[1] : 0;
  check(own->width == width, ErrorKind::model, embedding.path.string(), ": its vectors are ", own->width, " wide, those of ", source_->name(), "'s text encoder ",
        width, ": it is made for another kind of model");
  return *own;
}

const std::vector<ClipTextModel>& LoadedModel::text_encoders() {
  if (!text_encoders_.empty()) return text_encoders_;
  std::vector<ClipTextModel> encoders;  // all or none: a cancelled load may not leave the first of two
  std::vector<Weights> scopes;
  for (const auto& [part, config] : config_.text_encoders) {
    scopes.emplace_back(adapted(part).source(), backend_, compute_);
    encoders.emplace_back(scopes.back(), config);
    scopes.back().finish({"text_model.embeddings.position_ids"});  // old checkpoints store the numbers 0..76
  }
  size_t i = 0;
  for (const auto& [part, config] : config_.text_encoders) close_adapted(part, scopes[i++]);
  return text_encoders_ = std::move(encoders);
}

const UNet2DConditionModel& LoadedModel::unet() {
  if (!unet_) {
    const Weights weights = scope_of(adapted("unet").source());
    UNet2DConditionModel unet(weights, config_.unet);
    weights.finish();
    close_adapted("unet", weights);
    unet_.emplace(std::move(unet));
  }
  return *unet_;
}

// The noisiest time, where the input is nearly all noise: a model of noise gives it back, one of v gives a picture, which
// has little to do with it. The idea is A1111's (sd_models_config.py: is_using_v_parameterization_for_sd2), whose input is a
// constant and whose limit was found by trying.
void LoadedModel::find_prediction() {
  if (config_.prediction_known) return;
  constexpr int64_t side = 16, tokens = 2;
  const UNet2DConditionModel& model = unet();
  const Shape shape{1, side, side, model.in_channels()};
  std::vector<float> noise(static_cast<size_t>(shape.numel()));
  make_generator(GeneratorKind::cpu, 0)->normal(noise);
  UNetConditions conditions = model.blank_conditions(1, tokens);
  conditions.timesteps = {999};
  const std::vector<float> out = download(model(cast(upload(backend_, shape, noise), compute_), conditions));
  const auto product = [](const std::vector<float>& a, const std::vector<float>& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); };
  const double likeness = product(out, noise) / std::sqrt(product(out, out) * product(noise, noise));
  config_ = source_->model_config(likeness > 0.5 ? "epsilon" : "v_prediction");
}

UNetInput LoadedModel::unet_input() {
  const int64_t channels = unet().in_channels(), latent = vae_config().latent_channels;
  if (channels == latent) return UNetInput::latents;
  if (channels == 2 * latent + 1) return UNetInput::inpainting;
  check(channels == 2 * latent, ErrorKind::unsupported, "the model ", source_->name(), " takes ", channels, " channels; with ", latent,
        " latent channels there are models of ", latent, ", ", 2 * latent, " (editing) and ", 2 * latent + 1, " (inpainting)");
  return UNetInput::editing;
}

LoadedVae& LoadedModel::vae() {
  if (other_vae_) return *other_vae_;
  if (!own_vae_) {
    VaeSource own{source_->path(), source_->weights("vae", size_of(compute_) == 2), config_.vae};
    own_vae_ = std::make_unique<LoadedVae>(std::move(own), backend_, compute_, seamless_);
  }
  return *own_vae_;
}

std::shared_ptr<const ModelSource> LoadedModel::source_in_use() const { return other_vae_ ? with_vae(source_, other_vae_->source()) : source_; }

MemoryNeed LoadedModel::memory_need(const RunShape& shape) {
  constexpr size_t keep = 32;
  if (!shape.controls.empty() || !shape.ip_adapters.empty() || shape.previewer) return predict_memory(source_in_use(), shape, &backend_);  // they may be gone, and others in their place
  const std::weak_ptr<const LoadedVae> vae = other_vae_;
  for (const KnownNeed& known : memory_needs_)
    if (known.shape == shape && !known.vae.owner_before(vae) && !vae.owner_before(known.vae)) return known.need;
  memory_needs_.push_front({shape, vae, predict_memory(source_in_use(), shape, &backend_)});
  if (memory_needs_.size() > keep) memory_needs_.pop_back();
  return memory_needs_.front().need;
}

const std::string& LoadedModel::hash(const Cancelled& cancelled) {
  if (hash_.empty()) hash_ = model_hash(*source_, size_of(compute_) == 2, cancelled);
  return hash_;
}

void LoadedModel::load() {
  text_encoders();
  unet();
  vae_decoder();
}

}  // namespace imagent
