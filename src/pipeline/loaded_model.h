// A model with the parts that are in use: each loads on first use and can be dropped again.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "models/clip.h"
#include "models/unet.h"
#include "models/vae.h"
#include "pipeline/model_folder.h"
#include "sampling/scheduler_config.h"
#include "text/prompt_plan.h"

namespace imagent {

class LoadedModel {
 public:
  LoadedModel(ModelFolder folder, Backend& backend, DType compute);

  const ModelFolder& folder() const { return folder_; }
  Backend& backend() const { return backend_; }
  DType compute() const { return compute_; }
  const SchedulerFile& scheduler() const { return scheduler_; }
  const VaeConfig& vae_config() const { return vae_config_; }
  const UNetConfig& unet_config() const { return unet_config_; }

  // Encoders in the order in which their states are joined: SD one, SDXL two, its refiner only the second kind.
  const std::vector<ClipTextModel>& text_encoders();
  const std::vector<PromptEncoder>& prompt_encoders();  // their tokenizers, in the same order
  bool penultimate_states() const { return folder_.has("text_encoder_2"); }  // SDXL's rule: last layer but one, no final norm
  bool zeros_for_no_negative() const { return flag("force_zeros_for_empty_prompt"); }  // SDXL
  bool wants_aesthetic_score() const { return flag("requires_aesthetics_score"); }     // SDXL's refiner
  const UNet2DConditionModel& unet();
  const VaeDecoder& vae_decoder();
  void load();                        // everything that text to image needs

  size_t packed_bytes() const { return packed_bytes_; }

 private:
  bool flag(const char* name) const;  // of model_index.json, false when absent
  Weights open(const std::string& part);
  void close(const Weights& weights, const std::vector<std::string>& unneeded);

  ModelFolder folder_;
  Backend& backend_;
  DType compute_;
  SchedulerFile scheduler_;
  UNetConfig unet_config_;
  VaeConfig vae_config_;
  std::vector<ClipTextModel> text_encoders_;
  std::vector<PromptEncoder> prompt_encoders_;
  std::optional<UNet2DConditionModel> unet_;
  std::optional<VaeDecoder> vae_decoder_;
  size_t packed_bytes_ = 0;
};

}  // namespace imagent
