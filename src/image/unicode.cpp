// UTF-8, UTF-16 and Latin-1.
#include "image/unicode.h"

#include <cstdint>

#include "base/str.h"

namespace imagent {

namespace {

constexpr uint32_t replacement = 0xFFFD;

void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int extra = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr uint8_t lead[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(lead[extra] | c >> (6 * extra));
  for (int i = extra - 1; i >= 0; --i) out += static_cast<char>(0x80 | (c >> (6 * i) & 0x3F));
}

// Takes one code point off the front.
uint32_t take_code_point(std::string_view& utf8) {
  for (size_t length = 1; length <= 4 && length <= utf8.size(); ++length) {
    if (!is_valid_utf8(utf8.substr(0, length))) continue;
    const auto lead = static_cast<uint8_t>(utf8[0]);
    uint32_t c = length == 1 ? lead : lead & (0x7Fu >> length);
    for (size_t i = 1; i < length; ++i) c = c << 6 | (static_cast<uint8_t>(utf8[i]) & 0x3Fu);
    utf8.remove_prefix(length);
    return c;
  }
  utf8.remove_prefix(1);
  return replacement;
}

}  // namespace

std::u16string utf16_from_utf8(std::string_view utf8) {
  std::u16string out;
  while (!utf8.empty()) {
    const uint32_t c = take_code_point(utf8);
    if (c < 0x10000) {
      out += static_cast<char16_t>(c);
    } else {
      out += static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10));
      out += static_cast<char16_t>(0xDC00 + ((c - 0x10000) & 0x3FF));
    }
  }
  return out;
}

std::string utf8_from_utf16(std::u16string_view utf16) {
  const auto is_low = [](char16_t c) { return c >= 0xDC00 && c < 0xE000; };
  std::string out;
  for (size_t i = 0; i < utf16.size(); ++i) {
    uint32_t c = utf16[i];
    if (c >= 0xD800 && c < 0xDC00 && i + 1 < utf16.size() && is_low(utf16[i + 1]))
      c = 0x10000 + ((c - 0xD800) << 10) + (utf16[++i] - 0xDC00u);
    else if (c >= 0xD800 && c < 0xE000)
      c = replacement;
    append_utf8(out, c);
  }
  return out;
}

std::string utf8_from_latin1(std::string_view latin1) {
  std::string out;
  for (const char c : latin1) append_utf8(out, static_cast<uint8_t>(c));
  return out;
}

std::optional<std::string> latin1_from_utf8(std::string_view utf8) {
  std::string out;
  while (!utf8.empty()) {
    const uint32_t c = take_code_point(utf8);
    if (c > 0xFF) return std::nullopt;
    out += static_cast<char>(c);
  }
  return out;
}

}  // namespace imagent
