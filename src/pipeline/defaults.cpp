// Defaults of models.
#include "pipeline/defaults.h"

#include <random>

#include "pipeline/canvas.h"
#include "pipeline/json_fields.h"
#include "pipeline/model_config.h"
#include "pipeline/request_fields.h"

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

double default_strength(const Request& request) { return request.outpaint.any() ? 1.0 : 0.75; }

Request with_defaults(Request r, const ModelDefaults& d) {
  if (const auto size = size_by_picture(r)) {
    r.width = size->width;
    r.height = size->height;
  }
  if (r.width == 0) r.width = d.width;
  if (r.height == 0) r.height = d.height;
  if (r.steps == 0) r.steps = d.steps;
  if (!r.guidance_scale) r.guidance_scale = d.guidance_scale;
  validate(r);
  std::random_device device;
  for (int64_t* seed : {&r.seed, &r.variation_seed})
    if (*seed == -1) *seed = std::uniform_int_distribution<int64_t>(0, 4294967293)(device);
  return r;
}

}  // namespace imagent
