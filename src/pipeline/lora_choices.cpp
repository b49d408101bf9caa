// LoRAs from a request onto a model.
#include "pipeline/lora_choices.h"

#include <algorithm>

#include "text/rewrite.h"

namespace imagent {
namespace {

LoraChoice choice_of(const LoraRequest& wanted, LoraLibrary::Entry& entry, LoraLibrary& library) {
  const int rank = wanted.dyn.value_or(0);
  return {entry.name, library.hash(entry), entry.file, {static_cast<float>(wanted.text_encoder), rank}, {static_cast<float>(wanted.unet), rank}};
}

// Of <lora:...> in the prompts.
std::vector<LoraRequest> tagged_loras(const Request& request) {
  std::vector<LoraRequest> loras;
  if (request.compat == Compat::diffusers) return loras;  // where brackets are characters
  for (const std::string& prompt : {request.prompt, request.prompt_2.value_or("")})
    for (const ExtraNetwork& network : take_extra_networks(strip_comments(prompt)).networks)
      if (is_lora(network)) loras.push_back(lora_request(network));
  return loras;
}

std::vector<LoraUse> uses_of(const std::vector<LoraChoice>& choices, const std::string& part) {
  std::vector<LoraUse> uses;
  for (const LoraChoice& choice : choices) uses.push_back({choice.file, part == "unet" ? choice.unet : choice.text_encoder});
  return uses;
}

size_t largest_change(const LoraTargets& targets) {
  int64_t largest = 0;
  for (const auto& [tensor, module] : targets.weights) largest = std::max(largest, module->rows * module->columns);
  return static_cast<size_t>(largest) * sizeof(float);
}

}  // namespace

std::vector<LoraChoice> choose_loras(const Request& request, LoraLibrary& library) {
  std::vector<LoraChoice> choices;
  for (const LoraRequest& wanted : request.loras) choices.push_back(choice_of(wanted, library.path_or_name(wanted.name), library));
  for (const LoraRequest& wanted : tagged_loras(request)) choices.push_back(choice_of(wanted, library.named(wanted.name), library));
  return choices;
}

std::vector<std::filesystem::path> lora_files(const Request& request, const LoraLibrary& library) {
  std::vector<std::optional<std::filesystem::path>> found;
  for (const LoraRequest& wanted : request.loras) found.push_back(library.find_path_or_name(wanted.name));
  for (const LoraRequest& wanted : tagged_loras(request)) found.push_back(library.find(wanted.name));
  std::vector<std::filesystem::path> files;
  for (const auto& file : found)
    if (file) files.push_back(*file);
  return files;
}

size_t check_loras(LoadedModel& model, const std::vector<LoraChoice>& choices, bool lenient, const Events& events) {
  constexpr size_t copies = 3;  // the weight, its change, and the product or factor that the change is made of
  size_t scratch = 0;
  for (const LoraChoice& choice : choices) {
    std::vector<const LoraTargets*> parts;
    for (const AdaptedPart& part : model.adapted_parts()) {
      parts.push_back(&part.targets(choice.file));
      scratch = std::max(scratch, copies * largest_change(*parts.back()));
    }
    const LoraCoverage coverage = lora_coverage(*choice.file, parts);
    const std::string report = str("lora ", choice.name, ": ", coverage.applied, " of ", coverage.modules, " applied");
    if (!lenient) require_complete(coverage, *choice.file, model.source()->name());
    if (!coverage.misfits.empty() && events.note)
      events.note(str(report, "; no place in ", model.source()->name(), " for ", coverage.misfits.front(),
                      coverage.misfits.size() > 1 ? str(" and ", coverage.misfits.size() - 1, " more") : ""));
    else if (events.detail)
      events.detail(report);
  }
  return scratch;
}

void apply_loras(LoadedModel& model, const std::vector<LoraChoice>& choices, const Events& events) {
  const auto stop_when_asked = [&] { check(!events.cancel || !*events.cancel, ErrorKind::cancelled, "cancelled"); };
  AdaptedPart::Changed all;
  for (AdaptedPart& part : model.adapted_parts()) {
    const AdaptedPart::Changed changed = part.change_to(uses_of(choices, part.part()), stop_when_asked);
    all.packed += changed.packed;
    all.kept += changed.kept;
  }
  if (all.packed + all.kept > 0 && events.detail) events.detail(str("loras: ", all.packed, " modules packed again, ", all.kept, " kept"));
}

}  // namespace imagent
