// Writing down how a picture was made.
#include "pipeline/describe.h"

#include <algorithm>

#include "base/version.h"
#include "image/canny.h"
#include "image/infotext.h"
#include "sampling/samplers.h"

namespace imagent {

static std::string decimal(double value) {
  std::ostringstream out;
  out.precision(7);
  out << value;
  return out.str();
}

// "name: hash, name: hash", as the web UI writes it: what separates is taken out of the names.
static std::string hash_list(const std::vector<std::pair<std::string, std::string>>& hashes) {
  std::vector<std::string> texts;
  for (auto [name, hash] : hashes) {
    std::erase_if(name, [](char c) { return c == ':' || c == ','; });
    const std::string text = str(name, ": ", hash);
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
  }
  return join(texts, ", ");
}

// As A1111's ControlNet extension writes a unit.
static std::string describe_control(const ControlUnit& unit) {
  std::string text = str("Module: ", unit.preprocess == Preprocessor::canny ? "canny" : "none", ", Model: ", std::filesystem::path(unit.model).stem().string(),
                         ", Weight: ", decimal(unit.strength), ", Resize Mode: Just Resize");
  if (unit.preprocess == Preprocessor::canny) text += str(", Threshold A: ", CannyThresholds{}.low, ", Threshold B: ", CannyThresholds{}.high);
  return text + str(", Guidance Start: ", decimal(unit.start), ", Guidance End: ", decimal(unit.end), ", Pixel Perfect: True, Control Mode: ",
                    unit.guess ? "ControlNet is more important" : "Balanced");
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
  info.set("Model", run.model_name);
  if (r.clip_skip > 1) info.set("Clip skip", std::to_string(r.clip_skip));
  if (r.rng == GeneratorKind::cpu) info.set("RNG", "CPU");
  if (r.eta) info.set("Eta", decimal(*r.eta));
  if (r.guidance_rescale > 0) info.set("CFG Rescale", decimal(r.guidance_rescale));
  if (!r.refiner.empty()) {
    info.set("Refiner", std::filesystem::path(r.refiner).filename().string());
    info.set("Refiner switch at", decimal(r.refiner_switch));
  }
  if (!run.lora_hashes.empty()) info.set("Lora hashes", hash_list(run.lora_hashes));
  if (!run.embedding_hashes.empty()) info.set("TI hashes", hash_list(run.embedding_hashes));
  if (r.freeu) {  // as Forge writes it
    info.set("freeu_enabled", "True");
    for (const auto& [name, scale] : {std::pair{"freeu_b1", r.freeu.b1}, {"freeu_b2", r.freeu.b2}, {"freeu_s1", r.freeu.s1}, {"freeu_s2", r.freeu.s2}})
      info.set(name, decimal(scale));
  }
  for (size_t i = 0; i < r.controls.size(); ++i) info.set(str("ControlNet ", i), describe_control(r.controls[i]));
  info.set("Version", str("imagent ", version));
  return write_infotext(info);
}

}  // namespace imagent
