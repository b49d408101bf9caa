// A setting listed once: its flags and names, its range, how it is read from text and printed. Lists of such rows drive
// the command line, its help, the environment, configuration files and JSON requests.
#pragma once
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace imagent {

// On the command line: --flag VALUE, --flag, --flag --flag, and --flag VALUE --flag VALUE for a list, in which each counts.
enum class FieldKind { value, toggle, count, list };

struct FieldInfo {
  std::string name;                 // "guidance_scale": key in JSON and configuration files; IMAGENT_GUIDANCE_SCALE
  std::vector<std::string> flags;   // "-g", "--cfg-scale"; empty: JSON only
  std::vector<std::string> json;    // further JSON names
  std::string group, value, help;   // help: heading, placeholder of the value, one sentence
  std::string default_text;         // what stands in the help when the struct's own default has no text
  FieldKind kind = FieldKind::value;
  bool recorded = true;             // false: where files lie or how a run goes, which is no part of a picture's description
  std::string allowed = {};         // taken from the rule, as the next two
  std::vector<std::string> choices = {};
  bool names_file = false;          // the value is a path of this machine: a server never takes one from its callers
  std::vector<FieldInfo> parts = {};  // a list whose elements have settings of their own: the first part's flag begins an element

  std::string flag() const;         // the first long flag, of a list with parts the first part's
};

// A value as it was given, and where ("--steps", "IMAGENT_STEPS", "settings.json: steps"). That of a list is the text of a
// JSON array: of texts (or the only one itself), or of objects with the names of its parts.
struct Given {
  std::string text, origin;
};
using GivenValues = std::map<std::string, Given, std::less<>>;  // by field name

// How a setting of T is read and printed.
template <class T>
struct Rule {
  std::string allowed;                                // "a whole number from 1 to 1000"
  std::function<bool(T&, const std::string&)> set;    // false, with T as it was: the text is not allowed
  std::function<std::string(const T&)> get;           // "" when there is no value
  std::vector<std::string> choices = {};              // names for "did you mean"
  std::function<void(T&, const Given&)> set_list = {};  // of a list, instead of set: refuses single elements by itself
  bool names_file = false;
};

template <class T>
struct Field {
  FieldInfo info;
  Rule<T> rule;
};

// `text` in double quotes, cut when it is long, with control characters and damaged UTF-8 as \xNN: fit for a message.
std::string quoted(const std::string& text);
// Throws Error usage: origin, value, what is allowed, the nearest choice.
[[noreturn]] void refuse(const Given& given, const std::string& allowed, const std::vector<std::string>& choices);

// Adds what is not given yet from the environment (IMAGENT_NAME, `lookup` is getenv), and from a JSON object: null means
// absent. Returns the keys that no field has. Errors: usage, for an object or list where a text or number should be.
void add_environment(GivenValues& given, const std::vector<FieldInfo>& fields, const std::function<const char*(const char*)>& lookup);
std::vector<std::string> add_json(GivenValues& given, const std::vector<FieldInfo>& fields, const nlohmann::json& object,
                                  const std::string& origin);

// The elements of a list: texts, or the values of the parts; and the way back. What a text or object of the list was given
// by is named after the flag, or after its place in the JSON. Errors: usage.
std::vector<Given> list_texts(const Given& given);
std::vector<GivenValues> list_elements(const Given& given, const std::vector<FieldInfo>& parts);
std::string list_text(const std::vector<std::string>& texts);
std::string list_text(const std::vector<std::map<std::string, std::string>>& elements);

template <class T>
std::vector<FieldInfo> infos(const std::vector<Field<T>>& fields) {
  std::vector<FieldInfo> out;
  const T defaults{};
  for (const Field<T>& field : fields) {
    out.push_back(field.info);
    out.back().allowed = field.rule.allowed;
    out.back().choices = field.rule.choices;
    out.back().names_file = field.rule.names_file;
    if (out.back().default_text.empty() && field.info.kind == FieldKind::value) out.back().default_text = field.rule.get(defaults);
  }
  return out;
}

// Sets a field. Errors: usage.
template <class T>
void set_field(T& target, const Field<T>& field, const Given& given) {
  if (field.rule.set_list)
    field.rule.set_list(target, given);
  else if (!field.rule.set(target, given.text))
    refuse(given, field.rule.allowed, field.rule.choices);
}

// Sets the given fields, in the order of the list. Errors: usage.
template <class T>
void apply(T& target, const std::vector<Field<T>>& fields, const GivenValues& given) {
  for (const Field<T>& field : fields)
    if (const auto found = given.find(field.info.name); found != given.end()) set_field(target, field, found->second);
}

// Checks a struct that a program filled in itself: every value must be one that its own field would take. Errors: usage.
template <class T>
void validate(const T& target, const std::vector<Field<T>>& fields) {
  for (const Field<T>& field : fields) {
    const std::string text = field.rule.get(target);
    T copy{};
    if (!text.empty()) set_field(copy, field, {text, field.info.name});
  }
}

}  // namespace imagent
