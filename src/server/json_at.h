// Members of a JSON body that clients may leave out, send as null, or send as another type.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace imagent::server {

inline const nlohmann::json* present(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

inline std::string text_at(const nlohmann::json& object, const char* key, const std::string& fallback = "") {
  const nlohmann::json* value = present(object, key);
  return value && value->is_string() ? value->get<std::string>() : fallback;
}

inline bool truth_at(const nlohmann::json& object, const char* key, bool fallback = false) {
  const nlohmann::json* value = present(object, key);
  return !value ? fallback : value->is_boolean() ? value->get<bool>() : value->is_number() && value->get<double>() != 0;
}

struct NumberRange {
  double low, high;
};
// Errors: usage, for anything else than a number of the range.
inline double number_at(const nlohmann::json& object, const char* key, double fallback, NumberRange range) {
  const nlohmann::json* value = present(object, key);
  if (!value) return fallback;
  const bool good = value->is_number() && value->get<double>() >= range.low && value->get<double>() <= range.high;
  check(good, ErrorKind::usage, key, ": should be a number from ", range.low, " to ", range.high);
  return value->get<double>();
}

}  // namespace imagent::server
