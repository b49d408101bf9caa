// config.json of each part of a model, written as diffusers and transformers do, out of the shapes of its tensors and what
// these cannot tell. model_config.h reads such files.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "pipeline/model_source.h"

namespace imagent {

constexpr const char* diffusers_version = "0.30.0";  // whose keys these are

struct UNetFacts {
  int64_t in_channels = 0, guidance_width = 0;  // LCM: width of the embedded guidance, else 0
};
UNetFacts unet_facts(const Source& unet);

// Errors: unsupported, for a network whose blocks differ in ways that the usual keys cannot say.
nlohmann::ordered_json unet_json(const Source& unet, const ModelConfig& config);
nlohmann::ordered_json vae_json(const Source& vae, const ModelConfig& config);
nlohmann::ordered_json clip_json(const Source& text_encoder, const ClipTextConfig& config);
nlohmann::ordered_json scheduler_json(const SchedulerFile& scheduler);

}  // namespace imagent
