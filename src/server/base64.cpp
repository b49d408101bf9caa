// Base64, both ways.
#include "server/base64.h"

#include <array>

#include "base/error.h"

namespace imagent::server {

static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64_encode(std::span<const uint8_t> bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    const uint32_t group = bytes[i] << 16 | (left > 1 ? bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
    out += alphabet[group >> 18];
    out += alphabet[group >> 12 & 63];
    out += left > 1 ? alphabet[group >> 6 & 63] : '=';
    out += left > 2 ? alphabet[group & 63] : '=';
  }
  return out;
}

static constexpr int8_t blank = -2;
static constexpr std::array<int8_t, 256> make_values() {
  std::array<int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (int i = 0; i < 64; ++i) values[static_cast<uint8_t>(alphabet[i])] = static_cast<int8_t>(i);
  values['-'] = 62;  // the alphabet for URLs
  values['_'] = 63;
  for (const char c : {' ', '\t', '\r', '\n'}) values[static_cast<uint8_t>(c)] = blank;
  return values;
}

// The text behind "data:image/png;base64,".
static std::string_view without_data_uri(std::string_view text, std::string_view what) {
  if (!text.starts_with("data:")) return text;
  const size_t comma = text.substr(0, 256).find(',');
  check(comma != std::string_view::npos && text.substr(0, comma).ends_with(";base64"), ErrorKind::image, what,
        ": this data URI is not in Base64 (data:image/png;base64,...)");
  return text.substr(comma + 1);
}

std::vector<uint8_t> base64_decode(std::string_view text, std::string_view what) {
  static constexpr std::array<int8_t, 256> values = make_values();
  check(!text.starts_with("http://") && !text.starts_with("https://"), ErrorKind::image, what,
        ": Requests not allowed: send the picture itself in Base64, this server fetches no URLs");
  text = without_data_uri(text, what);
  while (!text.empty() && (text.back() == '=' || values[static_cast<uint8_t>(text.back())] == blank)) text.remove_suffix(1);
  std::vector<uint8_t> out;
  out.reserve(text.size() / 4 * 3 + 2);
  uint32_t group = 0;
  int digits = 0;
  for (const char c : text) {
    const int8_t value = values[static_cast<uint8_t>(c)];
    if (value == blank) continue;
    check(value >= 0, ErrorKind::image, what, ": Invalid encoded image: not Base64");
    group = group << 6 | static_cast<uint32_t>(value);
    if (++digits < 4) continue;
    out.insert(out.end(), {static_cast<uint8_t>(group >> 16), static_cast<uint8_t>(group >> 8), static_cast<uint8_t>(group)});
    group = 0;
    digits = 0;
  }
  check(digits != 1, ErrorKind::image, what, ": Invalid encoded image: Base64 cut short");
  if (digits >= 2) out.push_back(static_cast<uint8_t>(group >> (digits == 2 ? 4 : 10)));
  if (digits == 3) out.push_back(static_cast<uint8_t>(group >> 2));
  return out;
}

}  // namespace imagent::server
