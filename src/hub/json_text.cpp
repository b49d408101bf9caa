// nlohmann::json with limits.
#include "hub/json_text.h"

#include <fstream>

namespace imagent {

using nlohmann::json;
constexpr int deepest = 32;
constexpr size_t largest_file = size_t{2} << 20;

nlohmann::json parse_json(std::string_view text, std::string_view origin, ErrorKind kind) {
  const json::parser_callback_t shallow = [&](int depth, json::parse_event_t, json&) {
    check(depth <= deepest, kind, origin, ": nested deeper than ", deepest, " levels");
    return true;
  };
  json value = json::parse(text.begin(), text.end(), shallow, /*allow_exceptions=*/false);
  check(!value.is_discarded(), kind, origin, ": not valid JSON");
  return value;
}

std::optional<json> read_json_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error || size > largest_file) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  std::string text(static_cast<size_t>(size), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  try {
    json value = parse_json(text, path.string(), ErrorKind::model);
    return value.is_object() ? std::optional(std::move(value)) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string text_at(const json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto entry = object.find(key);
  return entry != object.end() && entry->is_string() ? entry->get<std::string>() : "";
}

}  // namespace imagent
