// Everything that a request says has to be the same, but for what is known to concern a picture alone.
#include "pipeline/sharing_key.h"

#include <set>

#include "base/str.h"
#include "pipeline/named_files.h"
#include "pipeline/request_fields.h"
#include "text/rewrite.h"

namespace imagent {

// Fields by which runs under way together may differ. A new field belongs here only when all that it changes is the run's own.
static const std::set<std::string> own_fields = {
    "prompt", "negative_prompt", "prompt_2", "negative_prompt_2", "styles", "clip_skip", "steps", "seed", "batch",
    "guidance_scale", "guidance_rescale", "guidance_start", "guidance_end", "image_guidance", "sampler", "scheduler", "eta", "rng", "ensd",
    "variation_seed", "variation_strength", "strength", "mask_blur", "mask_invert", "only_masked", "only_masked_padding", "inpainting_fill", "preview"};

std::string sharing_key(const Request& request, const std::filesystem::path& model, const std::filesystem::path& refiner) {
  std::string key = str(model.string(), "\n", refiner.string(), "\n", model_stamp(model), model_stamp(refiner), model_stamp(request.vae));
  for (const Field<Request>& field : request_fields())
    if (!own_fields.count(field.info.name)) key += str("\n", field.rule.get(request));
  for (const std::string& prompt : {request.prompt, request.prompt_2.value_or("")})
    for (const ExtraNetwork& network : take_extra_networks(strip_comments(prompt)).networks) key += str("\n<", network.kind, ":", join(network.items, ":"), ">");
  return key;
}

}  // namespace imagent
