// Defaults of models.
#include "pipeline/defaults.h"

#include <random>

#include "pipeline/json_fields.h"
#include "pipeline/model_config.h"
#include "pipeline/request_fields.h"

namespace imagent {
namespace {

bool is_turbo(const JsonFields& scheduler) {
  const auto name = scheduler.get<std::string>("_class_name", "");
  return name.starts_with("Euler") && scheduler.get<std::string>("timestep_spacing", "") == "trailing" &&
         !scheduler.get("rescale_betas_zero_snr", false);
}

}  // namespace

ModelDefaults model_defaults(const ModelFolder& folder, int sample_size) {
  ModelDefaults d;
  d.width = d.height = 8 * sample_size;
  const nlohmann::json scheduler_file = folder.config("scheduler");
  const JsonFields scheduler(scheduler_file, folder.config_path("scheduler"));
  if (scheduler.get<std::string>("_class_name", "") == "LCMScheduler") {
    d.steps = 4;
    d.guidance_scale = 8;
  } else if (is_turbo(scheduler)) {
    d.steps = 1;
    d.guidance_scale = 0;
  } else if (folder.has("text_encoder_2")) {
    d.steps = 30;
    d.guidance_scale = 7;
  }
  const std::filesystem::path own = folder.path() / "imagent.json";
  if (!std::filesystem::exists(own)) return d;
  const nlohmann::json file = read_config(own);
  const JsonFields fields(file, own.string());
  d.width = fields.get("width", d.width);
  d.height = fields.get("height", d.height);
  d.steps = fields.get("steps", d.steps);
  d.guidance_scale = fields.get("guidance_scale", d.guidance_scale);
  return d;
}

Request with_defaults(Request r, const ModelDefaults& d) {
  if (r.width == 0) r.width = d.width;
  if (r.height == 0) r.height = d.height;
  if (r.steps == 0) r.steps = d.steps;
  if (!r.guidance_scale) r.guidance_scale = d.guidance_scale;
  validate(r);
  std::random_device device;
  if (r.seed == -1) r.seed = std::uniform_int_distribution<int64_t>(0, 4294967293)(device);
  return r;
}

}  // namespace imagent
