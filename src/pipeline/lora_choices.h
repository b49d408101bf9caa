// The LoRAs of one request: which files, how strong, whether they fit the model, and putting them on it.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "pipeline/engine.h"
#include "pipeline/loaded_model.h"
#include "pipeline/lora_library.h"

namespace imagent {

struct LoraChoice {
  std::string name, hash;
  std::shared_ptr<const LoraFile> file;
  LoraStrength text_encoder, unet;
};

// Those of request.loras, then those of <lora:...> in the prompts; tags of the negative prompt are words. Errors: those of
// LoraLibrary, usage (a tag without a name or number).
std::vector<LoraChoice> choose_loras(const Request& request, LoraLibrary& library);
// Where they lie, without opening them; those that are not there are left out. Errors: usage (a tag).
std::vector<std::filesystem::path> lora_files(const Request& request, const LoraLibrary& library);

// How much memory merging needs beside the weights, for the largest layer that is changed. Says through events.detail how
// much of each file fits. Errors: model, unless `lenient`, which makes it a note, for a file of which a part fits nowhere.
size_t check_loras(LoadedModel& model, const std::vector<LoraChoice>& choices, bool lenient, const Events& events);

// Makes `choices`, and no others, what the model has: at once for loaded parts, for others when they load. Errors:
// cancelled, model; the model stays usable, and the next call puts right what this one left.
void apply_loras(LoadedModel& model, const std::vector<LoraChoice>& choices, const Events& events);

}  // namespace imagent
