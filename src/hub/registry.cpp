// Reading the registry's JSON and looking names up in it.
#include "hub/registry.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "hub/json_text.h"
#include "hub/known_models.h"
#include "hub/repository.h"

namespace imagent {
namespace {

using nlohmann::json;
constexpr size_t largest_file = size_t{1} << 20, longest_name = 100;

std::optional<double> number_in(const json& entry, const char* key, double low, double high, const std::string& place) {
  const auto value = entry.find(key);
  if (value == entry.end()) return std::nullopt;
  const bool sane = value->is_number() && value->get<double>() >= low && value->get<double>() <= high;
  check(sane, ErrorKind::usage, place, ": \"", key, "\" should be a number from ", low, " to ", high);
  return value->get<double>();
}

std::optional<int> integer_in(const json& entry, const char* key, int low, int high, const std::string& place) {
  const std::optional<double> value = number_in(entry, key, low, high, place);
  check(!value || std::floor(*value) == *value, ErrorKind::usage, place, ": \"", key, "\" should be a whole number");
  return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

void check_name(const std::string& name, const std::string& place) {
  const bool sane = !name.empty() && name.size() <= longest_name && is_safe_path(name) && name.find_first_of("/@ ") == name.npos;
  check(sane, ErrorKind::usage, place, ": a name should be a word without / and @, at most ", longest_name, " bytes");
}

KnownModel read_model(const json& entry, const std::string& place) {
  check(entry.is_object(), ErrorKind::usage, place, " should be an object {\"name\", \"repository\", ...}");
  KnownModel model{.name = lower_ascii(text_at(entry, "name")), .repository = text_at(entry, "repository")};
  check_name(model.name, place);
  check(is_repository(model.repository), ErrorKind::usage, place, " (", model.name, "): \"repository\" should be \"ORG/NAME\"");
  for (const json& alias : entry.value("aliases", json::array())) {
    check(alias.is_string(), ErrorKind::usage, place, " (", model.name, "): \"aliases\" should be an array of texts");
    model.aliases.push_back(lower_ascii(alias.get<std::string>()));
    check_name(model.aliases.back(), place);
  }
  model.size = integer_in(entry, "size", 64, 8192, place);
  model.steps = integer_in(entry, "steps", 1, 1000, place);
  model.guidance = number_in(entry, "guidance", 0, 100, place);
  return model;
}

std::string read_text(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  check(!error && size <= largest_file, ErrorKind::usage, path.string(), ": cannot be read, or is larger than 1 MiB");
  std::ifstream in(path, std::ios::binary);
  std::string text(static_cast<size_t>(size), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

}  // namespace

Registry::Registry(const std::filesystem::path& user_file) {
  std::error_code error;
  if (!user_file.empty() && std::filesystem::exists(user_file, error)) add(read_text(user_file), user_file.string());
  add(known_models_json, "the built-in registry");
}

// What was added first wins: a name that is taken is not taken again.
void Registry::add(std::string_view text, const std::string& origin) {
  const json file = parse_json(text, origin, ErrorKind::usage);
  check(file.is_object(), ErrorKind::usage, origin, " should hold an object {\"models\": [...], \"redirects\": {...}}");
  const json models = file.value("models", json::array()), redirects = file.value("redirects", json::object());
  check(models.is_array() && redirects.is_object(), ErrorKind::usage, origin, ": \"models\" should be an array, \"redirects\" an object");
  for (size_t i = 0; i < models.size(); ++i) {
    KnownModel model = read_model(models[i], str(origin, ", model ", i + 1));
    std::erase_if(model.aliases, [&](const std::string& alias) { return find_alias(alias) != nullptr; });
    if (std::none_of(models_.begin(), models_.end(), [&](const KnownModel& other) { return other.name == model.name; })) models_.push_back(std::move(model));
  }
  for (const auto& [old_name, target] : redirects.items()) {
    check(is_repository(old_name) && target.is_string() && is_repository(target.get_ref<const std::string&>()), ErrorKind::usage, origin,
          ": \"redirects\" should be of the form {\"OLD/NAME\": \"NEW/NAME\"}");
    redirects_.emplace(lower_ascii(old_name), Redirect{old_name, target.get<std::string>()});
  }
}

const KnownModel* Registry::find_alias(std::string_view name) const {
  const std::string wanted = lower_ascii(name);
  for (const KnownModel& model : models_)
    if (model.name == wanted || std::count(model.aliases.begin(), model.aliases.end(), wanted)) return &model;
  return nullptr;
}

const KnownModel* Registry::find_repository(std::string_view repository) const {
  const std::string wanted = lower_ascii(repository);
  for (const KnownModel& model : models_)
    if (lower_ascii(model.repository) == wanted) return &model;
  return nullptr;
}

std::optional<ResolvedModel> Registry::resolve(std::string_view name) const {
  if (const KnownModel* known = find_alias(name)) {
    ResolvedModel resolved{.repository = known->repository, .known = known};
    for (const auto& [key, redirect] : redirects_)
      if (redirect.repository == known->repository) resolved.old_names.push_back(redirect.old_name);
    return resolved;
  }
  if (!is_repository(name)) return std::nullopt;
  const size_t at = name.find('@');
  const std::string plain(name.substr(0, at)), revision(at == name.npos ? "" : name.substr(at));
  const auto redirect = redirects_.find(lower_ascii(plain));
  if (redirect == redirects_.end()) return ResolvedModel{.repository = std::string(name), .known = find_repository(plain)};
  return ResolvedModel{.repository = redirect->second.repository + revision, .old_names = {redirect->second.old_name + revision}, .known = find_repository(redirect->second.repository), .moved_from = redirect->second.old_name};
}

std::vector<std::string> Registry::names() const {
  std::vector<std::string> names;
  for (const KnownModel& model : models_) {
    names.push_back(model.name);
    names.insert(names.end(), model.aliases.begin(), model.aliases.end());
  }
  return names;
}

std::filesystem::path fetch_model(const HubSettings& settings, const ResolvedModel& model, const PullOptions& options) {
  if (!model.moved_from.empty() && options.note) options.note(str(model.moved_from, " is now ", model.repository));
  if (const auto path = find_cached_model(settings, model.repository)) return *path;
  for (const std::string& old_name : model.old_names)
    if (const auto path = find_cached_model(settings, old_name)) return *path;
  return pull_model(settings, model.repository, options);
}

}  // namespace imagent
