// The rule for a picture that is named by its path.
#pragma once
#include <memory>

#include "image/codec.h"
#include "pipeline/field_rules.h"

namespace imagent::rule {

template <class T>
Rule<T> picture(std::shared_ptr<const Image> T::*member) {
  const auto set = [=](T& target, const std::string& text) {
    if (text.empty() || text.find('\0') != std::string::npos) return false;
    target.*member = std::make_shared<const Image>(read_image(text));
    return true;
  };
  Rule<T> rule{"the path of a picture", set, [](const T&) { return std::string(); }};
  rule.names_file = true;
  return rule;
}

}  // namespace imagent::rule
