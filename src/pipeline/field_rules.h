// Rules for the usual kinds of settings: numbers in a range, texts, names from a list, switches.
#pragma once
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/str.h"
#include "pipeline/field.h"

namespace imagent::rule {

template <class M>
struct optional_value {
  using type = M;
};
template <class M>
struct optional_value<std::optional<M>> {
  using type = M;
};

struct WholeRange {
  long long low, high;
  long long step = 1;
  std::optional<long long> unset = {};  // the value that stands for "not given"
};

template <class T, class M>
Rule<T> whole(M T::*member, WholeRange range) {
  const auto set = [=](T& target, const std::string& text) {
    long long value;
    if (!parse_number(text, value) || value < range.low || value > range.high || value % range.step != 0) return false;
    target.*member = static_cast<M>(value);
    return true;
  };
  const auto get = [=](const T& target) { return range.unset == static_cast<long long>(target.*member) ? "" : std::to_string(target.*member); };
  const std::string kind = range.step == 1 ? "a whole number" : str("a multiple of ", range.step);
  const bool open = range.high == std::numeric_limits<long long>::max();
  return {str(kind, " from ", range.low, open ? " up" : str(" to ", range.high)), set, get};
}

struct RealRange {
  double low, high;
};

// M: V or std::optional<V>, V: float or double.
template <class T, class M, class V = typename optional_value<M>::type>
Rule<T> real(M T::*member, RealRange range) {
  const auto set = [=](T& target, const std::string& text) {
    double value;
    if (!parse_number(text, value) || !std::isfinite(value) || value < range.low || value > range.high) return false;
    target.*member = static_cast<V>(value);
    return true;
  };
  const auto get = [=](const T& target) -> std::string {
    const std::optional<V> value = target.*member;
    if (!value) return "";
    char digits[48];
    return std::string(digits, std::to_chars(digits, digits + sizeof digits, *value).ptr);
  };
  return {str("a number from ", range.low, " to ", range.high), set, get};
}

// M: std::string or std::optional<std::string>.
template <class T, class M>
Rule<T> text(M T::*member, std::string allowed = "text in UTF-8") {
  const auto set = [=](T& target, const std::string& text) {
    if (!is_valid_utf8(text)) return false;
    target.*member = text;
    return true;
  };
  const auto get = [=](const T& target) { return std::optional<std::string>(target.*member).value_or(""); };
  return {std::move(allowed), set, get};
}

// A path: any bytes that a file system takes.
template <class T>
Rule<T> path(std::string T::*member) {
  const auto set = [=](T& target, const std::string& text) {
    if (text.empty() || text.find('\0') != std::string::npos) return false;
    target.*member = text;
    return true;
  };
  Rule<T> rule{"a path", set, [=](const T& target) { return target.*member; }};
  rule.names_file = true;
  return rule;
}

// One of the named values. M: V or std::optional<V>.
template <class T, class M, class V = typename optional_value<M>::type>
Rule<T> choice(M T::*member, std::vector<std::pair<std::string, V>> values) {
  std::vector<std::string> names;
  for (const auto& [name, value] : values) names.push_back(name);
  const auto set = [=](T& target, const std::string& text) {
    for (const auto& [name, value] : values)
      if (name == lower_ascii(text)) {
        target.*member = value;
        return true;
      }
    return false;
  };
  const auto get = [=](const T& target) -> std::string {
    const std::optional<V> current = target.*member;
    if (!current) return "";
    for (const auto& [name, value] : values)
      if (value == *current) return name;
    return "a value outside the list";
  };
  return {"one of " + join(names, ", "), set, get, names};
}

// A switch; a number counts as on unless it is 0 (--flag given n times).
template <class T>
Rule<T> toggle(bool T::*member) {
  const auto set = [=](T& target, const std::string& text) {
    const std::string word = lower_ascii(text);
    long long number = 0;
    const bool on = word == "true" || word == "yes" || word == "on", off = word == "false" || word == "no" || word == "off";
    if (!on && !off && !parse_number(word, number)) return false;
    target.*member = on || number != 0;
    return true;
  };
  return {"true or false", set, [=](const T& target) { return target.*member ? "true" : ""; }};
}

// A list whose elements have fields of their own.
template <class T, class E>
Rule<T> list(std::vector<E> T::*member, std::vector<Field<E>> fields) {
  Rule<T> rule;
  rule.allowed = "a list";
  rule.set_list = [=](T& target, const Given& given) {
    std::vector<E> elements;
    for (const GivenValues& values : list_elements(given, infos(fields))) apply(elements.emplace_back(), fields, values);
    target.*member = std::move(elements);
  };
  rule.get = [=](const T& target) -> std::string {
    std::vector<std::map<std::string, std::string>> elements;
    for (const E& element : target.*member) {
      auto& values = elements.emplace_back();
      for (const Field<E>& field : fields)
        if (const std::string text = field.rule.get(element); !text.empty()) values[field.info.name] = text;
    }
    return elements.empty() ? "" : list_text(elements);
  };
  return rule;
}

}  // namespace imagent::rule
