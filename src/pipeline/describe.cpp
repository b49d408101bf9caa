// Writing down how a picture was made.
#include "pipeline/describe.h"

#include <charconv>

#include "base/version.h"
#include "image/infotext.h"
#include "pipeline/replay.h"
#include "sampling/samplers.h"

namespace imagent {

static std::string decimal(float value) {
  char digits[48];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);  // the shortest that reads back as the same
}

std::string describe(const Run& run, int index) {
  const Request& r = run.request;
  Infotext info;
  info.prompt = r.prompt;
  info.negative_prompt = r.negative.value_or("");
  info.set("Steps", std::to_string(r.steps));
  info.set("Sampler", std::string(find_sampler(run.sampler).sampler->display));
  if (!run.scheduler.empty()) info.set("Schedule type", std::string(find_schedule(run.scheduler).display));
  info.set("CFG scale", decimal(*r.guidance_scale));
  info.set("Seed", std::to_string(run.results[static_cast<size_t>(index)].seed));
  info.set("Size", str(r.width, "x", r.height));
  if (!run.model_hash.empty()) info.set("Model hash", run.model_hash);
  info.set("Model", run.model_name);
  if (r.clip_skip > 1) info.set("Clip skip", std::to_string(r.clip_skip));
  if (r.rng == GeneratorKind::cpu) info.set("RNG", "CPU");
  if (r.eta) info.set("Eta", decimal(*r.eta));
  if (r.guidance_rescale > 0) info.set("CFG Rescale", decimal(r.guidance_rescale));
  if (!r.refiner.empty()) {
    info.set("Refiner", std::filesystem::path(r.refiner).filename().string());
    info.set("Refiner switch at", decimal(r.refiner_switch));
  }
  info.set("imagent", own_fields(r, run.device));
  info.set("Version", str("imagent ", version));
  return write_infotext(info);
}

}  // namespace imagent
