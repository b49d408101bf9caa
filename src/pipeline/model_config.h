// A model's own JSON files read into the structs that models/ and sampling/ take. Absent keys take diffusers' defaults.
#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "models/clip.h"
#include "models/unet.h"
#include "models/vae.h"
#include "sampling/scheduler_config.h"

namespace imagent {

// Errors: model, when the file is missing, no JSON object, larger than 2 MiB or nested too deeply.
nlohmann::json read_config(const std::filesystem::path& path);

// `origin` names the file in messages. Errors: model for values of a wrong type, unsupported for architectures we lack.
UNetConfig unet_config(const nlohmann::json& config, const std::string& origin);
ClipTextConfig clip_text_config(const nlohmann::json& config, const std::string& origin);
VaeConfig vae_config(const nlohmann::json& config, const std::string& origin);

// The keys of scheduler_config.json that the file really holds: what they mean depends on the sampler that reads them.
SchedulerFile scheduler_file(const nlohmann::json& config, const std::string& origin);

}  // namespace imagent
