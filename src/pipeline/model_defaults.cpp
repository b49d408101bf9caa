// Defaults of models.
#include "pipeline/defaults.h"
#include "pipeline/json_fields.h"
#include "pipeline/model_config.h"

namespace imagent {
namespace {

std::string text_of(const SchedulerFile& file, const char* key) {
  const auto found = file.find(key);
  return found != file.end() && std::holds_alternative<std::string>(found->second) ? std::get<std::string>(found->second) : "";
}

bool is_turbo(const SchedulerFile& file) {
  const auto zero_snr = file.find("rescale_betas_zero_snr");
  const bool rescaled = zero_snr != file.end() && zero_snr->second == SchedulerValue(true);
  return text_of(file, "_class_name").starts_with("Euler") && text_of(file, "timestep_spacing") == "trailing" && !rescaled;
}

}  // namespace

ModelDefaults model_defaults(const SchedulerFile& scheduler, int sample_size, bool sdxl) {
  ModelDefaults d;
  d.width = d.height = 8 * sample_size;
  if (text_of(scheduler, "_class_name") == "LCMScheduler") {
    d.steps = 4;
    d.guidance_scale = 8;
  } else if (is_turbo(scheduler)) {
    d.steps = 1;
    d.guidance_scale = 0;
  } else if (sdxl) {
    d.steps = 30;
    d.guidance_scale = 7;
  }
  return d;
}

ModelDefaults with_own_file(ModelDefaults d, const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return d;
  const nlohmann::json file = read_config(path);
  const JsonFields fields(file, path.string());
  d.width = fields.get("width", d.width);
  d.height = fields.get("height", d.height);
  d.steps = fields.get("steps", d.steps);
  d.guidance_scale = fields.get("guidance_scale", d.guidance_scale);
  return d;
}

}  // namespace imagent
