// Names of models.
#include "pipeline/model_lookup.h"

#include <algorithm>

#include "base/error.h"
#include "hub/model_files.h"
#include "hub/pull.h"
#include "hub/registry.h"
#include "hub/repository.h"
#include "pipeline/field.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;

// Nobody calls a repository so: it was meant as a path.
bool is_only_a_path(const std::string& name) {
  return name.starts_with("/") || name.starts_with("./") || name.starts_with("../") || name.starts_with("~") || name.ends_with("/") ||
         (has_weight_extension(name) && std::count(name.begin(), name.end(), '/') < 2);   // ORG/NAME/FILE.safetensors is one of the hub
}

[[noreturn]] void refuse_name(const ModelLookup& lookup, const Registry& registry, const std::string& name) {
  const std::string near = nearest_name(name, registry.names());
  const std::string folder = lookup.models_folder.empty() ? "" : str(", nothing in ", lookup.models_folder.string());
  fail(ErrorKind::model, "there is no model ", quoted(name), ": it is no folder and no file", folder, ", no known name",
       near.empty() ? "" : str(" (did you mean ", near, "?)"), " and not ORG/NAME of the model hub; imagent models list shows what is here");
}

PullOptions pull_options(const Events& events, bool prefer_half) {
  return {.prefer_half = prefer_half, .progress = events.download, .note = events.note, .cancel = events.cancel};
}

}  // namespace

fs::path builtin_model_path() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  for (fs::path folder = program.parent_path(); !error && folder.has_relative_path(); folder = folder.parent_path())
    for (const char* place : {"models/demo", "share/imagent/models/demo"})
      if (fs::exists(folder / place / "model_index.json", error)) return folder / place;
  return "models/demo";
}

std::optional<fs::path> find_own_model(const ModelLookup& lookup, const std::string& name) {
  if (name.empty()) return lookup.builtin_model;
  std::error_code error;
  if (fs::exists(name, error)) return name;
  if (!lookup.models_folder.empty() && is_safe_path(name))
    for (const char* extension : {"", ".safetensors", ".gguf", ".ckpt", ".pt", ".pth", ".bin"})
      if (const fs::path path = lookup.models_folder / (name + extension); fs::exists(path, error)) return path;
  return name == lookup.builtin_model.filename() ? std::optional(lookup.builtin_model) : std::nullopt;
}

bool may_be_of_hub(const std::string& name) { return !is_only_a_path(name) && Registry::for_user().resolve(name); }

HubSettings hub_settings_of(const ModelLookup& lookup) {
  HubSettings settings = hub_settings();
  settings.offline |= lookup.offline;
  return settings;
}

FoundModel find_model(const ModelLookup& lookup, const std::string& name, const Events& events, bool prefer_half) {
  if (const auto path = find_own_model(lookup, name)) return {.path = *path};
  const Registry registry = Registry::for_user();
  const std::optional<ResolvedModel> model = is_only_a_path(name) ? std::nullopt : registry.resolve(name);
  if (!model) refuse_name(lookup, registry, name);
  FoundModel found;
  if (model->known) found = recommended_by(*model->known);
  try {
    found.path = fetch_model(hub_settings_of(lookup), *model, pull_options(events, prefer_half));
    found.path = single_file_of(found.path).value_or(found.path);
  } catch (const Error& error) {
    const bool may_be_a_path = error.kind == ErrorKind::model || error.kind == ErrorKind::hub;
    if (!may_be_a_path || name.find('/') == name.npos) throw;
    fail(error.kind, error.text, "; and there is no folder or file ", quoted(name));
  }
  return found;
}

FoundModel recommended_by(const KnownModel& known) { return {.path = {}, .size = known.size, .steps = known.steps, .guidance_scale = known.guidance}; }

ModelDefaults with_recommended(ModelDefaults d, const FoundModel& found) {
  if (found.size) d.width = d.height = *found.size;
  d.steps = found.steps.value_or(d.steps);
  d.guidance_scale = found.guidance_scale.value_or(d.guidance_scale);
  return d;
}

}  // namespace imagent
