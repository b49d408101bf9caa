// Names for models: aliases with their repository and defaults, old repository names; built in and extended by a user's file.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/environment.h"
#include "hub/pull.h"

namespace imagent {

struct KnownModel {
  std::string name;                         // "sd15"
  std::vector<std::string> aliases = {};
  std::string repository;                   // ORG/NAME[/FILE][@REVISION]
  std::optional<int> size = {};             // pixels of a square picture
  std::optional<int> steps = {};
  std::optional<double> guidance = {};
};

struct ResolvedModel {
  std::string repository;                   // what the hub is asked for
  std::vector<std::string> old_names = {};  // under which it may lie in the cache as well
  const KnownModel* known = nullptr;        // its defaults, if it is a known one
  std::string moved_from = "";              // the old name that was asked for
};

class Registry {
 public:
  // The built-in models and those of `user_file`, whose names, aliases and redirects win; a file that is not there adds none.
  // Errors: usage, naming the file and the entry.
  explicit Registry(const std::filesystem::path& user_file = {});
  static Registry for_user(const Environment& environment = process_environment()) { return Registry(user_registry_file(environment)); }

  const std::vector<KnownModel>& models() const { return models_; }
  // An alias or ORG/NAME[/FILE][@REVISION]; nothing when it is neither. Aliases ignore case.
  std::optional<ResolvedModel> resolve(std::string_view name) const;
  std::vector<std::string> names() const;   // names and aliases, for "did you mean"

 private:
  void add(std::string_view text, const std::string& origin);
  const KnownModel* find_alias(std::string_view name) const;
  const KnownModel* find_repository(std::string_view repository) const;

  std::vector<KnownModel> models_;
  struct Redirect {
    std::string old_name, repository;
  };
  std::map<std::string, Redirect> redirects_;   // by the old name in lower case
};

// Where the model is: in the cache when it is whole there (under an old name, too), else pulled. An old name that was
// asked for is noted. Errors: as pull_model().
std::filesystem::path fetch_model(const HubSettings& settings, const ResolvedModel& model, const PullOptions& options = {});

}  // namespace imagent
