// The little Unicode that prompts need, over utf8proc.
#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/error.h"

namespace imagent {
namespace {

// Length of the well-formed sequence at the start of `text`, 0 when there is none.
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  const size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
  if (length == 0 || length > text.size()) return 0;
  return is_valid_utf8(text.substr(0, length)) ? length : 0;
}

}  // namespace

void check_utf8(std::string_view text, std::string_view what) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = sequence_length(text.substr(at));
    check(length > 0, ErrorKind::usage, what, " is not valid UTF-8 at byte ", at);
    at += length;
  }
}

char32_t next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(at++);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  char32_t code = lead & (0x3f >> more);
  for (int i = 0; i < more && at < text.size(); ++i) code = code << 6 | (byte(at++) & 0x3f);
  return code;
}

char32_t previous_code_point(std::string_view text, size_t& at) {
  const size_t end = at--;
  while (at > 0 && (static_cast<uint8_t>(text[at]) & 0xc0) == 0x80) --at;
  size_t begin = at;
  return next_code_point(text.substr(0, end), begin);
}

void append_utf8(std::string& out, char32_t code_point) {
  utf8proc_uint8_t bytes[4];
  const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
}

bool is_letter(char32_t c) {
  if (c < 0x80) return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool is_number(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

bool is_white_space(char32_t c) {
  return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_prompt_space(char32_t c) { return is_white_space(c) || (c >= 0x1c && c <= 0x1f); }

bool is_word(char32_t c) { return c == '_' || is_letter(c) || is_number(c); }

size_t space_after(std::string_view text, size_t at) {
  size_t end = at;
  for (size_t next = at; next < text.size(); end = next)
    if (!is_prompt_space(next_code_point(text, next))) break;
  return end - at;
}

size_t space_before(std::string_view text, size_t at) {
  size_t begin = at;
  for (size_t previous = at; previous > 0; begin = previous)
    if (!is_prompt_space(previous_code_point(text, previous))) break;
  return at - begin;
}

std::string_view trim_space(std::string_view text) {
  text.remove_prefix(space_after(text, 0));
  text.remove_suffix(space_before(text, text.size()));
  return text;
}

bool stands_alone(std::string_view text, size_t begin, size_t length) {
  size_t end = begin + length;
  if (begin > 0 && is_word(previous_code_point(text, begin))) return false;
  return end >= text.size() || !is_word(next_code_point(text, end));
}

// utf8proc's own ordering of combining marks is quadratic in their number, so the runs are sorted here.
std::string to_nfc(std::string_view text) {
  std::vector<utf8proc_int32_t> codes;
  codes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const auto code = static_cast<utf8proc_int32_t>(next_code_point(text, at));
    utf8proc_int32_t parts[32];
    int boundary = 0;
    const auto count = utf8proc_decompose_char(code, parts, 32, UTF8PROC_DECOMPOSE, &boundary);
    check(count > 0 && count <= 32, "unicode: code point ", code, " does not decompose");
    codes.insert(codes.end(), parts, parts + count);
  }
  const auto order = [](utf8proc_int32_t code) { return utf8proc_get_property(code)->combining_class; };
  for (auto run = codes.begin(); run != codes.end();) {
    if (order(*run) == 0) {
      ++run;
      continue;
    }
    const auto end = std::find_if(run, codes.end(), [&](auto code) { return order(code) == 0; });
    std::stable_sort(run, end, [&](auto a, auto b) { return order(a) < order(b); });
    run = end;
  }
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  const auto length = utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()), options);
  check(length >= 0, "unicode: cannot compose a text");
  std::string out;
  out.reserve(text.size());
  for (utf8proc_ssize_t i = 0; i < length; ++i) append_utf8(out, static_cast<char32_t>(codes[static_cast<size_t>(i)]));
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (c == 0x130)  // the one character whose full lower case has two code points
      out += "i\u0307";
    else
      append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
  return out;
}

}  // namespace imagent
