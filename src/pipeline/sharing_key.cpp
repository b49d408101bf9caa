// Everything that a request says has to be the same, but for what is known to concern a picture alone.
#include "pipeline/sharing_key.h"

#include <set>

#include "base/str.h"
#include "pipeline/lora_choices.h"
#include "pipeline/named_files.h"
#include "pipeline/request_fields.h"
#include "text/rewrite.h"

namespace imagent {

// Fields by which runs under way together may differ. A new field belongs here only when all that it changes is the run's own.
static const std::set<std::string> own_fields = {
    "prompt", "negative_prompt", "prompt_2", "negative_prompt_2", "styles", "clip_skip", "steps", "seed", "batch",
    "guidance_scale", "guidance_rescale", "guidance_start", "guidance_end", "image_guidance", "sampler", "scheduler", "eta", "rng", "ensd",
    "variation_seed", "variation_strength", "strength", "mask_blur", "mask_invert", "only_masked", "only_masked_padding", "inpainting_fill", "preview"};

// All files that a run reads weights from after others may have begun.
static std::vector<std::filesystem::path> files_of(const Request& request, const RunFiles& found) {
  std::vector<std::filesystem::path> files = {found.model, found.refiner, request.vae, request.taesd, request.hires_upscaler};
  for (const ControlUnit& unit : request.controls) files.emplace_back(unit.model);
  for (const IpAdapterUnit& unit : request.ip_adapters) {
    files.emplace_back(unit.model);
    files.emplace_back(unit.encoder);
  }
  for (std::filesystem::path& lora : lora_files(request, found.loras)) files.push_back(std::move(lora));
  return files;
}

std::string sharing_key(const Request& request, const RunFiles& files) {
  std::string key = str(files.model.string(), "\n", files.refiner.string());
  for (const Field<Request>& field : request_fields())
    if (!own_fields.count(field.info.name)) key += str("\n", field.rule.get(request));
  for (const std::string& prompt : {request.prompt, request.prompt_2.value_or("")})
    for (const ExtraNetwork& network : take_extra_networks(strip_comments(prompt)).networks) key += str("\n<", network.kind, ":", join(network.items, ":"), ">");
  for (const std::filesystem::path& file : files_of(request, files)) key += str("\n", model_stamp(file));
  return key;
}

}  // namespace imagent
