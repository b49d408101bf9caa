// What the commands `models ...` share: flags, and the model that a name means.
#pragma once
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/progress.h"
#include "hub/local_models.h"
#include "hub/registry.h"
#include "pipeline/model_lookup.h"
#include "tensor/dtype.h"

namespace imagent {

struct ModelsOptions {
  std::string models_dir;
  int width = 0, height = 0;         // 0: the model's own
  std::optional<DType> dtype;        // absent: the device's fastest
  ProgressMode progress = ProgressMode::automatic;
  bool json = false, quiet = false, offline = false, yes = false;
};

// A call of one of the commands, with the places where models lie.
struct ModelsCall {
  ModelsOptions options;
  std::string name;                  // "" when none was given
  ModelLookup lookup;
  HubSettings hub;
  ModelPlaces places;
};

std::vector<FieldInfo> models_fields(std::initializer_list<const char*> names);
ModelsCall read_models_call(const Arguments& arguments);        // Errors: usage
ModelsCall read_models_call_with_name(const Arguments& arguments, const std::string& command);

// The model on this machine that the call names. Errors: model.
LocalModel named_model(const ModelsCall& call);
std::string place_text(const ModelsCall& call, const LocalModel& model);   // "hub cache", "models folder", "built-in", "path"

}  // namespace imagent
