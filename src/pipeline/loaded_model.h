// A model with the parts that are in use: each loads on first use and can be dropped again.
#pragma once
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "models/clip.h"
#include "models/unet.h"
#include "models/vae.h"
#include "pipeline/adapted_part.h"
#include "pipeline/embedding_library.h"
#include "pipeline/loaded_vae.h"
#include "pipeline/memory.h"
#include "pipeline/model_hash.h"
#include "pipeline/model_source.h"
#include "text/prompt_plan.h"

namespace imagent {

// What the UNet is given: noisy latents alone, with a mask and what it leaves visible, or with a picture to edit.
enum class UNetInput { latents, inpainting, editing };

class LoadedModel {
 public:
  // `prediction` as in ModelSource::model_config().
  LoadedModel(std::shared_ptr<const ModelSource> source, Backend& backend, DType compute, const std::string& prediction = {});

  const std::shared_ptr<const ModelSource>& source() const { return source_; }
  std::shared_ptr<const ModelSource> source_in_use() const;  // with the other autoencoder, where there is one
  Backend& backend() const { return backend_; }
  DType compute() const { return compute_; }
  const SchedulerFile& scheduler() const { return config_.scheduler; }
  const VaeConfig& vae_config() const { return other_vae_ ? other_vae_->config() : config_.vae; }
  const VaeConfig& own_vae_config() const { return config_.vae; }
  const UNetConfig& unet_config() const { return config_.unet; }
  const ModelDefaults& defaults() const { return config_.defaults; }

  // Calls the UNet when nothing else tells what it predicts: scheduler and defaults may change.
  bool prediction_known() const { return config_.prediction_known; }
  void find_prediction();

  // Encoders in the order in which their states are joined: SD one, SDXL two, its refiner only the second kind.
  const std::vector<ClipTextModel>& text_encoders();
  const std::vector<PromptEncoder>& prompt_encoders();  // their tokenizers, in the same order
  bool penultimate_states() const { return source_->has("text_encoder_2"); }  // SDXL's rule: last layer but one, no final norm
  bool zeros_for_no_negative() const { return config_.zeros_for_no_negative; }  // SDXL
  bool wants_aesthetic_score() const { return config_.wants_aesthetic_score; } // SDXL's refiner
  const UNet2DConditionModel& unet();
  UNetInput unet_input();             // Errors: unsupported (another number of channels)
  LoadedVae& vae();                   // the one in use
  const VaeNetwork& vae_decoder() { return vae().decoder(); }
  const VaeNetwork& vae_encoder() { return vae().encoder(); }  // only where a picture is an input
  // What follows is done with another autoencoder, which other models may use as well; null: with the model's own.
  void use_vae(std::shared_ptr<LoadedVae> other) { other_vae_ = std::move(other); }
  const std::shared_ptr<LoadedVae>& other_vae() const { return other_vae_; }
  // Pictures go on at their other sides: to be called before anything is loaded.
  void make_seamless() { seamless_ = true; }
  void load();                        // everything that text to image needs

  size_t packed_bytes() const { return packed_bytes_ + (other_vae_ ? other_vae_->packed_bytes() : own_vae_bytes()); }  // of what is in use
  size_t own_bytes() const { return packed_bytes_ + own_vae_bytes(); }       // that nobody else uses
  size_t idle_bytes() const { return other_vae_ ? own_vae_bytes() : 0; }     // of its own autoencoder while another one is in use
  void drop_idle() { if (other_vae_) own_vae_.reset(); }

  // As predict_memory() of what is in use; what was asked before is known.
  MemoryNeed memory_need(const RunShape& shape);
  // As model_hash(), computed once: what is loaded stays, whatever becomes of the files.
  const std::string& hash(const Cancelled& cancelled);
  bool has_hash() const { return !hash_.empty(); }

  // Makes `embeddings`, and no others, words of the prompts that follow.
  void use_embeddings(std::vector<std::shared_ptr<const NamedEmbedding>> embeddings);
  const std::vector<std::shared_ptr<const NamedEmbedding>>& embeddings() const { return embeddings_; }
  // What a word in use means to an encoder (by its index). Errors: model, when it is made for another kind of model, or
  // its file is at fault.
  const LearnedVectors& learned_vectors(size_t encoder, const std::string& name);

  // The parts that LoRAs can change, loaded or not: "text_encoder", "text_encoder_2", "unet".
  std::list<AdaptedPart>& adapted_parts();
  // Those that change an encoder (by its index), in their order.
  std::vector<LoraUse> loras_of_text_encoder(size_t encoder);

  TextCache& texts() { return texts_; }      // that its encoders have read

 private:
  AdaptedPart& adapted(const std::string& part);
  const std::string& text_encoder_name(size_t encoder) const;
  Weights scope_of(std::shared_ptr<const Source> source) const;
  size_t own_vae_bytes() const { return own_vae_ ? own_vae_->packed_bytes() : 0; }
  void close_adapted(const std::string& part, const Weights& weights);

  std::shared_ptr<const ModelSource> source_;
  Backend& backend_;
  DType compute_;
  ModelConfig config_;
  std::list<AdaptedPart> adapted_parts_;
  std::vector<std::shared_ptr<const NamedEmbedding>> embeddings_;
  std::vector<ClipTextModel> text_encoders_;
  std::vector<PromptEncoder> prompt_encoders_;
  std::optional<UNet2DConditionModel> unet_;
  std::unique_ptr<LoadedVae> own_vae_;
  std::shared_ptr<LoadedVae> other_vae_;
  TextCache texts_{256, size_t{32} << 20};
  bool seamless_ = false;
  struct KnownNeed {
    RunShape shape;
    std::weak_ptr<const LoadedVae> vae;                       // the other one, if any
    MemoryNeed need;
  };
  std::deque<KnownNeed> memory_needs_;                        // the latest first
  std::string hash_;                                          // "": not asked for yet
  size_t packed_bytes_ = 0;
};

}  // namespace imagent
