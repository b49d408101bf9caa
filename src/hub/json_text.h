// Reading JSON of others: bounded in size and depth.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace imagent {

// Errors: `kind` with `origin` and what is wrong: not JSON, or nested deeper than 32 levels.
nlohmann::json parse_json(std::string_view text, std::string_view origin, ErrorKind kind);

// The file's JSON object; nothing when there is no such file, it is larger than 2 MiB or holds no object.
std::optional<nlohmann::json> read_json_file(const std::filesystem::path& path);

// The text at `key`, "" when there is none.
std::string text_at(const nlohmann::json& object, const char* key);

}  // namespace imagent
