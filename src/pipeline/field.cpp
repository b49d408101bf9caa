// Values of fields from the environment and from JSON; messages about values that are not allowed.
#include "pipeline/field.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace imagent {

std::string FieldInfo::flag() const {
  if (!parts.empty()) return parts.front().flag();
  for (const std::string& flag : flags)
    if (flag.starts_with("--")) return flag;
  return flags.empty() ? name : flags.front();
}

std::string quoted(const std::string& text) {
  constexpr size_t longest = 60;
  const bool utf8 = is_valid_utf8(text);
  size_t end = std::min(text.size(), longest);
  while (utf8 && end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) >> 6) == 2) --end;  // whole characters
  std::string out = "\"";
  for (const char c : text.substr(0, end)) {
    const auto byte = static_cast<unsigned char>(c);
    constexpr const char* digits = "0123456789abcdef";
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8))
      out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    else
      out += c;
  }
  return out + (end < text.size() ? "...\"" : "\"");
}

void refuse(const Given& given, const std::string& allowed, const std::vector<std::string>& choices) {
  const std::string nearest = nearest_name(given.text, choices);
  fail(ErrorKind::usage, given.origin, " ", quoted(given.text), ": should be ", allowed,
       nearest.empty() ? "" : "; did you mean " + nearest + "?");
}

void add_environment(GivenValues& given, const std::vector<FieldInfo>& fields, const std::function<const char*(const char*)>& lookup) {
  for (const FieldInfo& field : fields) {
    if (field.flags.empty() && field.parts.empty()) continue;
    std::string variable = "IMAGENT_" + field.name;
    for (char& c : variable)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (const char* text = lookup(variable.c_str())) given.try_emplace(field.name, Given{text, variable});
  }
}

static std::string scalar_text(const nlohmann::json& value, const std::string& origin, const std::string& allowed) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::abs(number) < 9007199254740992.0 && number == std::floor(number)) return std::to_string(static_cast<long long>(number));
    return value.dump();
  }
  check(value.is_primitive(), ErrorKind::usage, origin, ": should be ", allowed, ", not a list or object");
  return value.dump();
}

// Paths may hold any bytes; JSON does not. Those that are no UTF-8 are replaced, and then no file has that name.
static std::string dumped(const nlohmann::json& list) { return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }
std::string list_text(const std::vector<std::string>& texts) { return texts.size() == 1 && !texts[0].starts_with("[") ? texts[0] : dumped(texts); }
std::string list_text(const std::vector<std::map<std::string, std::string>>& elements) { return dumped(elements); }

std::vector<std::string> add_json(GivenValues& given, const std::vector<FieldInfo>& fields, const nlohmann::json& object,
                                  const std::string& origin) {
  check(object.is_object(), ErrorKind::usage, origin, ": should be a JSON object");
  std::map<std::string, bool> known;
  for (const FieldInfo& field : fields) {
    std::vector<std::string> names = {field.name};
    names.insert(names.end(), field.json.begin(), field.json.end());
    for (const std::string& name : names) {
      known[name] = true;
      const auto found = object.find(name);
      if (found == object.end() || found->is_null()) continue;
      const std::string place = str(origin, ": ", name);
      const bool list = field.kind == FieldKind::list && found->is_array();
      given.try_emplace(field.name, Given{list ? dumped(*found) : scalar_text(*found, place, field.allowed), place});
    }
  }
  std::vector<std::string> unknown;
  for (const auto& [key, value] : object.items())
    if (!known.count(key)) unknown.push_back(key);
  return unknown;
}

static nlohmann::json parse_list(const Given& given) {
  nlohmann::json list = nlohmann::json::parse(given.text, nullptr, /*allow_exceptions=*/false);
  check(list.is_array(), ErrorKind::usage, given.origin, " ", quoted(given.text), ": should be a JSON list");
  return list;
}

static std::string element_origin(const Given& given, size_t index) {
  return given.origin.starts_with("--") ? given.origin : str(given.origin, "[", index, "]");
}

std::vector<Given> list_texts(const Given& given) {
  if (!given.text.starts_with("[")) return {given};
  std::vector<Given> texts;
  for (const auto& element : parse_list(given)) {
    const std::string origin = element_origin(given, texts.size());
    texts.push_back({scalar_text(element, origin, "a text"), origin});
  }
  return texts;
}

std::vector<GivenValues> list_elements(const Given& given, const std::vector<FieldInfo>& parts) {
  std::vector<GivenValues> elements;
  for (const auto& object : parse_list(given)) {
    const std::string origin = element_origin(given, elements.size());
    GivenValues values;
    const std::vector<std::string> unknown = add_json(values, parts, object, origin);
    std::vector<std::string> names;
    for (const FieldInfo& part : parts) names.push_back(part.name);
    check(unknown.empty(), ErrorKind::usage, origin, ": unknown name ", quoted(unknown.empty() ? "" : unknown.front()), "; names are ", join(names, ", "));
    if (given.origin.starts_with("--"))
      for (const FieldInfo& part : parts)
        if (const auto value = values.find(part.name); value != values.end()) value->second.origin = part.flag();
    elements.push_back(std::move(values));
  }
  return elements;
}

}  // namespace imagent
