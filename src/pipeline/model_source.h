// A model wherever it lies: what the loader takes from a folder in diffusers' layout or from a single file.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "models/clip.h"
#include "models/unet.h"
#include "models/vae.h"
#include "pipeline/defaults.h"
#include "sampling/scheduler_config.h"
#include "text/tokenizer.h"
#include "weights/source.h"

namespace imagent {

// What the weights cannot tell.
struct ModelConfig {
  UNetConfig unet;
  VaeConfig vae;
  std::map<std::string, ClipTextConfig> text_encoders;  // by part: "text_encoder", "text_encoder_2"
  SchedulerFile scheduler;
  bool prediction_known = true;                         // false: only a call of the UNet shows whether it predicts noise or v
  bool zeros_for_no_negative = false;                   // SDXL: force_zeros_for_empty_prompt
  bool wants_aesthetic_score = false;                   // SDXL's refiner: requires_aesthetics_score
  ModelDefaults defaults;
};

class ModelSource {
 public:
  virtual ~ModelSource() = default;
  virtual const std::filesystem::path& path() const = 0;
  virtual std::string name() const = 0;
  // `prediction`: what the model is said to predict ("epsilon", "v_prediction", "sample"); "": as the model itself says.
  virtual ModelConfig model_config(const std::string& prediction) const = 0;
  virtual const ModelSource& own() const { return *this; }  // without another VAE
  virtual bool has(const std::string& part) const = 0;  // "unet", "vae", "text_encoder", "text_encoder_2"

  // The tensors of a part under diffusers' names. `prefer_half`: where there are two copies, the one in 16 bits.
  virtual std::shared_ptr<const Source> weights(const std::string& part, bool prefer_half) const = 0;
  virtual ClipTokenizer tokenizer(const std::string& text_encoder) const = 0;
};

// A folder, or a single file in the original naming. `config`: a folder in diffusers' layout whose configurations and
// tokenizers hold for the single file, and which completes a file of the UNet alone; "": they are detected. `needs_vae` false:
// a single file may lack its VAE. Errors: model, unsupported (a file of another kind).
std::shared_ptr<const ModelSource> open_model_source(const std::filesystem::path& path, const std::filesystem::path& config = {}, bool needs_vae = true);

}  // namespace imagent
