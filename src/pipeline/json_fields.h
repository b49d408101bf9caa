// Reading single fields of untrusted JSON objects: an absent or null field gives the default, a wrong type an Error.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace imagent {

class JsonFields {
 public:
  JsonFields(const nlohmann::json& object, std::string origin) : object_(object), origin_(std::move(origin)) {}

  // T: bool, int, float, double or std::string.
  template <class T>
  T get(const std::string& key, T fallback) const {
    const nlohmann::json* value = find(key);
    if (!value) return fallback;
    if constexpr (std::is_same_v<T, bool>)
      require(value->is_boolean(), key, "true or false");
    else if constexpr (std::is_same_v<T, std::string>)
      require(value->is_string(), key, "a text");
    else
      require(value->is_number(), key, "a number");
    if constexpr (std::is_same_v<T, int>) {
      const double number = value->get<double>();
      require(number >= -2147483648.0 && number <= 2147483647.0, key, "a 32-bit number");
      return static_cast<int>(number);
    } else {
      return value->get<T>();
    }
  }
  const nlohmann::json* find(const std::string& key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  void require(bool ok, const std::string& key, std::string_view wanted) const {
    check(ok, ErrorKind::model, origin_, ": \"", key, "\" should be ", wanted);
  }

 private:
  const nlohmann::json& object_;
  std::string origin_;
};

}  // namespace imagent
