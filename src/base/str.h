// str(a, b, ...): text of its arguments, written one after another; and small helpers on text.
#pragma once
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace imagent {

template <class... Args>
std::string str(const Args&... args) {
  std::ostringstream out;
  (out << ... << args);
  return std::move(out).str();
}

std::string_view trim(std::string_view text);  // without ASCII white space at both ends
std::string lower_ascii(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
bool is_valid_utf8(std::string_view text);

// The name in `names` that is spelled most like `word`, "" when none is near: for "did you mean".
std::string nearest_name(std::string_view word, const std::vector<std::string>& names);

// Whole text as a number; false when it is none, or has trailing characters. Locale-independent.
bool parse_number(std::string_view text, double& value);
bool parse_number(std::string_view text, long long& value);

}  // namespace imagent
