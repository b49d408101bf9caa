// Looking parts up.
#include "pipeline/find_parts.h"

#include "hub/revisions.h"

namespace imagent {

namespace fs = std::filesystem;

Request with_found_parts(const ModelLookup& lookup, Request request, const Events& events, bool prefer_half) {
  const auto find = [&](std::string& name) {
    std::error_code error;
    if (name.empty() || fs::exists(name, error) || !may_be_of_hub(name)) return;
    name = find_model(lookup, name, events, prefer_half).path.string();
  };
  const auto find_with_folder = [&](std::string& name) {  // these have names of their own, which are no aliases of models
    if (name.find('/') != std::string::npos) find(name);
  };
  find(request.vae);
  find(request.taesd);
  for (ControlUnit& unit : request.controls) find(unit.model);
  find_with_folder(request.hires_upscaler);
  for (LoraRequest& lora : request.loras) find_with_folder(lora.name);
  return request;
}

std::string part_name(const fs::path& path) {
  std::error_code error;
  const std::string repository = repository_of_snapshot(fs::weakly_canonical(path, error));
  return fs::path(repository.empty() ? path.string() : repository).filename().string();
}

}  // namespace imagent
