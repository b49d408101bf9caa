// Writing down how a picture was made.
#include "pipeline/describe.h"

#include <algorithm>

#include "base/version.h"
#include "image/infotext.h"
#include "sampling/samplers.h"

namespace imagent {

static std::string decimal(float value) {
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
  if (!r.vae.empty()) info.set("VAE", std::filesystem::path(r.vae).filename().string());
  if (r.tiling) info.set("Tiling", "True");
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
  info.set("Version", str("imagent ", version));
  return write_infotext(info);
}

}  // namespace imagent
