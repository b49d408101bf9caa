// Which model a name means: the built-in one, a path, one of the user's folder, an alias, a repository of the model hub.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "hub/environment.h"
#include "pipeline/defaults.h"
#include "pipeline/engine.h"

namespace imagent {

struct KnownModel;   // hub/registry.h

struct ModelLookup {
  std::filesystem::path builtin_model;
  std::filesystem::path models_folder = {};   // "": none
  bool offline = false;                       // as HF_HUB_OFFLINE
};

struct FoundModel {
  std::filesystem::path path;                 // folder or file
  std::optional<int> size = {}, steps = {};   // that the registry recommends
  std::optional<float> guidance_scale = {};
};

// models/demo beside the program or above it, as in a clone's build folder or an installation.
std::filesystem::path builtin_model_path();

// In this order; a path that exists wins over every other meaning. What is not on this machine comes from the hub
// (docs/hub.md), told to `events`; `prefer_half`: weights in 16 bits where the hub has both.
// Errors: model (no such thing, with the nearest name), hub, gated, io, cancelled, usage (variables and registry of the user).
FoundModel find_model(const ModelLookup& lookup, const std::string& name, const Events& events, bool prefer_half);

// The same, but only what is on this machine without the hub's cache; nothing when the name may mean something there.
std::optional<std::filesystem::path> find_own_model(const ModelLookup& lookup, const std::string& name);

// Whether a name is an alias, or has the form of one of the hub (ORG/NAME, ORG/NAME/FILE, with @REVISION) and not only of a path.
// Errors: usage (the user's registry).
bool may_be_of_hub(const std::string& name);

HubSettings hub_settings_of(const ModelLookup& lookup);

FoundModel recommended_by(const KnownModel& known);   // without a path
// A model's own defaults, replaced by what the registry recommends.
ModelDefaults with_recommended(ModelDefaults defaults, const FoundModel& found);

}  // namespace imagent
