// The hub's environment variables; names and precedence are huggingface_hub's (constants.py, _auth.py).
#include "hub/environment.h"

#include <algorithm>
#include <fstream>
#include <optional>

#include "base/error.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> non_empty(const Environment& environment, const char* name) {
  const char* value = environment(name);
  const std::string text(trim(value ? value : ""));
  return text.empty() ? std::nullopt : std::optional(text);
}

bool is_true(const Environment& environment, const char* name) {
  const std::string value = lower_ascii(non_empty(environment, name).value_or(""));
  return value == "1" || value == "on" || value == "yes" || value == "true";
}

fs::path expand_user(const std::string& path, const Environment& environment) {
  if (path == "~") return home_folder(environment);
  return path.starts_with("~/") ? home_folder(environment) / path.substr(2) : fs::path(path);
}

// $XDG_CACHE_HOME or ~/.cache
fs::path cache_home(const Environment& environment) {
  const auto set = non_empty(environment, "XDG_CACHE_HOME");
  return set ? expand_user(*set, environment) : home_folder(environment) / ".cache";
}

fs::path hub_home(const Environment& environment) {
  if (const auto set = non_empty(environment, "HF_HOME")) return expand_user(*set, environment);
  return cache_home(environment) / "huggingface";
}

fs::path cache_folder(const Environment& environment) {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (const auto set = non_empty(environment, name)) return expand_user(*set, environment);
  return hub_home(environment) / "hub";
}

// A token becomes a header line: whatever could end that line is refused, without showing the secret.
std::string valid_token(std::string_view raw, const std::string& origin) {
  const std::string token(trim(raw));
  const bool printable = std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 127; });
  check(printable && token.size() <= 4096, ErrorKind::usage, "the token of ", origin, " holds characters that no token has: it should be one word like hf_...");
  return token;
}

std::string read_token(const Environment& environment) {
  if (is_true(environment, "HF_HUB_DISABLE_IMPLICIT_TOKEN")) return "";
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
    if (const auto set = non_empty(environment, name)) return valid_token(*set, name);
  const auto set = non_empty(environment, "HF_TOKEN_PATH");
  const fs::path file = set ? expand_user(*set, environment) : hub_home(environment) / "token";
  std::ifstream in(file, std::ios::binary);
  std::string text(8192, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  return valid_token(text, file.string());
}

std::string read_endpoint(const Environment& environment) {
  std::string endpoint = non_empty(environment, "HF_ENDPOINT").value_or("https://huggingface.co");
  while (endpoint.ends_with('/')) endpoint.pop_back();
  const bool known = endpoint.starts_with("https://") || endpoint.starts_with("http://");
  check(known, ErrorKind::usage, "HF_ENDPOINT is \"", endpoint, "\": it should start with https:// or http://");
  return endpoint;
}

double seconds(const Environment& environment, const char* name) {
  const auto set = non_empty(environment, name);
  if (!set) return 10;
  double value = 0;
  check(parse_number(*set, value) && value > 0 && value <= 86400, ErrorKind::usage, name, " is \"", *set, "\": it should be seconds between 0 and 86400");
  return value;
}

int retries(const Environment& environment) {
  const auto set = non_empty(environment, "IMAGENT_HUB_RETRIES");
  long long value = 5;
  check(!set || (parse_number(*set, value) && value >= 0 && value <= 100), ErrorKind::usage, "IMAGENT_HUB_RETRIES is \"", set.value_or(""), "\": it should be a whole number from 0 to 100");
  return static_cast<int>(value);
}

}  // namespace

HubSettings hub_settings(const Environment& environment) {
  return {.cache = cache_folder(environment),
          .endpoint = read_endpoint(environment),
          .token = read_token(environment),
          .offline = is_true(environment, "HF_HUB_OFFLINE") || is_true(environment, "TRANSFORMERS_OFFLINE"),
          .show_progress = !is_true(environment, "HF_HUB_DISABLE_PROGRESS_BARS"),
          .symlinks = !is_true(environment, "HF_HUB_DISABLE_SYMLINKS"),
          .metadata_timeout = seconds(environment, "HF_HUB_ETAG_TIMEOUT"),
          .download_timeout = seconds(environment, "HF_HUB_DOWNLOAD_TIMEOUT"),
          .retries = retries(environment)};
}

std::filesystem::path user_registry_file(const Environment& environment) {
  const auto config = non_empty(environment, "XDG_CONFIG_HOME");
  return (config ? expand_user(*config, environment) : home_folder(environment) / ".config") / "imagent" / "models.json";
}

std::filesystem::path own_cache_folder(const Environment& environment) { return cache_home(environment) / "imagent"; }

}  // namespace imagent
