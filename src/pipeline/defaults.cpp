// Defaults of models.
#include "pipeline/defaults.h"

#include <cmath>
#include <random>

#include "pipeline/json_fields.h"
#include "pipeline/model_config.h"

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
  for (const int side : {r.width, r.height})
    check(side > 0 && side % 8 == 0 && side <= 16384, ErrorKind::usage, "size ", r.width, "x", r.height, ": width and height have to be multiples of 8 up to 16384");
  check(r.steps >= 1 && r.steps <= 1000, ErrorKind::usage, "steps ", r.steps, ": 1 to 1000 are possible");
  check(r.batch >= 1 && r.batch <= 64, ErrorKind::usage, "batch ", r.batch, ": 1 to 64 are possible");
  check(r.clip_skip >= 0 && r.clip_skip <= 12, ErrorKind::usage, "clip skip ", r.clip_skip, ": 1 to 12 are possible");
  check(std::isfinite(*r.guidance_scale) && std::abs(*r.guidance_scale) <= 1000, ErrorKind::usage, "guidance scale ", *r.guidance_scale, ": -1000 to 1000 are possible");
  check(r.guidance_rescale >= 0 && r.guidance_rescale <= 1, ErrorKind::usage, "guidance rescale ", r.guidance_rescale, ": 0 to 1 are possible");
  check(r.refiner_switch > 0 && r.refiner_switch < 1, ErrorKind::usage, "refiner switch ", r.refiner_switch, ": it has to lie between 0 and 1");
  std::random_device device;
  if (r.seed == -1) r.seed = std::uniform_int_distribution<int64_t>(0, 4294967293)(device);
  return r;
}

}  // namespace imagent
