// Flags of the commands `models ...`, and names of local models.
#include "cli/models.h"

#include <algorithm>

#include "base/error.h"
#include "hub/repository.h"
#include "pipeline/field_rules.h"

namespace imagent {

namespace fs = std::filesystem;

static Field<ModelsOptions> toggle(const char* name, std::vector<std::string> flags, const char* help, bool ModelsOptions::*member) {
  return {{.name = name, .flags = std::move(flags), .json = {}, .group = "Options", .value = "", .help = help, .default_text = "", .kind = FieldKind::toggle}, rule::toggle(member)};
}

static std::vector<Field<ModelsOptions>> make_fields() {
  const char* group = "Options";
  const auto side = [&](const char* name, std::vector<std::string> flags, int ModelsOptions::*member) -> Field<ModelsOptions> {
    return {{.name = name, .flags = std::move(flags), .json = {}, .group = group, .value = "PIXELS", .help = "Size for which memory is predicted", .default_text = "the model's"},
            rule::whole(member, {.low = 64, .high = 8192, .step = 8, .unset = 0})};
  };
  return {
      {{.name = "models_dir", .flags = {"--models-dir"}, .json = {}, .group = group, .value = "FOLDER", .help = "Folder of models that are called by their file names",
        .default_text = "none"},
       rule::path(&ModelsOptions::models_dir)},
      side("width", {"-W", "--width"}, &ModelsOptions::width),
      side("height", {"-H", "--height"}, &ModelsOptions::height),
      {{.name = "dtype", .flags = {"--dtype"}, .json = {}, .group = group, .value = "NAME", .help = "Arithmetic that the model is for", .default_text = "the device's fastest"},
       rule::choice(&ModelsOptions::dtype, {{"f32", DType::f32}, {"bf16", DType::bf16}, {"f16", DType::f16}})},
      {{.name = "progress", .flags = {"--progress"}, .json = {}, .group = group, .value = "NAME", .help = "How progress is shown on standard error", .default_text = ""},
       rule::choice(&ModelsOptions::progress, {{"auto", ProgressMode::automatic}, {"bar", ProgressMode::bar}, {"plain", ProgressMode::plain},
                                               {"json", ProgressMode::json}, {"none", ProgressMode::none}})},
      toggle("json", {"--json"}, "Results as JSON", &ModelsOptions::json),
      toggle("quiet", {"-q", "--quiet"}, "No progress and no remarks", &ModelsOptions::quiet),
      toggle("offline", {"--offline"}, "Never use the network", &ModelsOptions::offline),
      toggle("yes", {"-y", "--yes"}, "Do not ask", &ModelsOptions::yes),
  };
}

static const std::vector<Field<ModelsOptions>>& all_fields() {
  static const std::vector<Field<ModelsOptions>> fields = make_fields();
  return fields;
}

std::vector<FieldInfo> models_fields(std::initializer_list<const char*> names) {
  std::vector<FieldInfo> fields = infos(all_fields());
  std::erase_if(fields, [&](const FieldInfo& field) { return std::find(names.begin(), names.end(), field.name) == names.end(); });
  return fields;
}

static fs::path without_slash(const fs::path& folder) { return folder.has_filename() ? folder : folder.parent_path(); }

ModelsCall read_models_call(const Arguments& arguments) {
  ModelsCall call;
  GivenValues given = arguments.given;
  add_environment(given, models_fields({"models_dir", "offline"}), process_environment());
  apply(call.options, all_fields(), given);
  if (!arguments.positional.empty()) call.name = arguments.positional[0];
  call.lookup = {.builtin_model = builtin_model_path(), .models_folder = without_slash(call.options.models_dir), .offline = call.options.offline};
  call.hub = hub_settings_of(call.lookup);
  call.places = {.hub_cache = call.hub.cache, .models_folder = call.lookup.models_folder};
  return call;
}

ModelsCall read_models_call_with_name(const Arguments& arguments, const std::string& command) {
  check(arguments.positional.size() == 1, ErrorKind::usage, command, " needs the name of a model: imagent ", command, " sd15");
  return read_models_call(arguments);
}

LocalModel named_model(const ModelsCall& call) {
  if (const auto path = find_own_model(call.lookup, call.name)) {
    LocalModel model = local_model_at(*path);
    if (path->parent_path() == call.places.models_folder && !call.places.models_folder.empty()) model.place = ModelPlace::models_folder;
    return model;
  }
  const auto resolved = Registry::for_user().resolve(call.name);
  if (!resolved) return find_local_model(call.places, call.name);
  std::vector<std::string> names = {resolved->repository};
  names.insert(names.end(), resolved->old_names.begin(), resolved->old_names.end());
  for (const std::string& name : names) {
    const RepositoryId repository = parse_repository(name);
    std::error_code error;
    if (!fs::exists(HubCache(call.places.hub_cache, repository).folder(), error)) continue;
    const bool with_revision = name.find('@') != name.npos;
    return find_local_model(call.places, repository.name + (with_revision ? "@" + repository.revision : ""));
  }
  return find_local_model(call.places, resolved->repository);
}

std::string place_text(const ModelsCall& call, const LocalModel& model) {
  switch (model.place) {
    case ModelPlace::hub_cache: return "hub cache";
    case ModelPlace::models_folder: return "models folder";
    case ModelPlace::elsewhere: break;
  }
  return model.path == call.lookup.builtin_model ? "built-in" : "path";
}

}  // namespace imagent
