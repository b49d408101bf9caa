// Infotext <-> text. A scanner by hand, equal to the web UI's regular expression
//   \s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)
// because std::regex recurses once a character and overflows the stack on long input.
#include "image/infotext.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace imagent {

namespace {

constexpr std::string_view negative_label = "Negative prompt:";

struct CodePoint {
  uint32_t value;
  size_t length;
};

// The code point at `at`; a byte that is no UTF-8 counts as itself.
CodePoint code_point(std::string_view text, size_t at) {
  const auto lead = static_cast<uint8_t>(text[at]);
  const size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 1;
  if (length == 1 || at + length > text.size()) return {lead, 1};
  uint32_t value = lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) value = value << 6 | (static_cast<uint8_t>(text[at + i]) & 0x3Fu);
  return {value, length};
}

bool is_space(uint32_t c) {
  return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x1F) || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

// Letters and digits of any script: everything beyond ASCII but the common blocks of punctuation and symbols.
bool is_word(uint32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  if (c < 0x100) return c >= 0xC0 ? c != 0xD7 && c != 0xF7 : c == 0xAA || c == 0xB2 || c == 0xB3 || c == 0xB5 || c == 0xB9 || c == 0xBA || (c >= 0xBC && c <= 0xBE);
  constexpr std::pair<uint32_t, uint32_t> symbols[] = {{0x2000, 0x206F}, {0x20A0, 0x20FF}, {0x2190, 0x245F}, {0x2500, 0x2775}, {0x2794, 0x2BFF},
                                                       {0x3000, 0x3004}, {0x3008, 0x3020}, {0xFF00, 0xFF0F}, {0xFF1A, 0xFF20}, {0xFF3B, 0xFF40},
                                                       {0xFF5B, 0xFF65}, {0x1F000, 0x1F0FF}, {0x1F300, 0x1FAFF}};
  return std::none_of(std::begin(symbols), std::end(symbols), [c](const auto& block) { return c >= block.first && c <= block.second; });
}

std::string_view strip(std::string_view text) {
  while (!text.empty()) {
    const CodePoint c = code_point(text, 0);
    if (!is_space(c.value)) break;
    text.remove_prefix(c.length);
  }
  while (!text.empty()) {
    size_t at = text.size() - 1;
    while (at > 0 && text.size() - at < 4 && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) --at;
    const CodePoint c = code_point(text, at);
    if (!is_space(c.value) || at + c.length != text.size()) break;
    text.remove_suffix(c.length);
  }
  return text;
}

size_t skip_space(std::string_view text, size_t at) {
  while (at < text.size()) {
    const CodePoint c = code_point(text, at);
    if (!is_space(c.value)) break;
    at += c.length;
  }
  return at;
}

// The end of the key that begins at `at` (a word character): one or more of \w, blank, - and / follow.
struct Key {
  size_t end, characters;
};
Key scan_key(std::string_view text, size_t at) {
  Key key{at, 0};
  while (key.end < text.size()) {
    const CodePoint c = code_point(text, key.end);
    if (!is_word(c.value) && c.value != ' ' && c.value != '-' && c.value != '/') break;
    key.end += c.length;
    ++key.characters;
  }
  return key;
}

// The end of a quoted value that begins at `at`, its quotes included, if a comma or the end of the text follows; else npos.
size_t scan_quoted(std::string_view text, size_t at) {
  if (at >= text.size() || text[at] != '"') return std::string_view::npos;
  size_t i = at + 1;
  while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
  if (i >= text.size() || i == at + 1) return std::string_view::npos;
  ++i;
  return i == text.size() || text[i] == ',' ? i : std::string_view::npos;
}

struct Pair {
  std::string_view key, value;
};

std::vector<Pair> scan_pairs(std::string_view line) {
  std::vector<Pair> pairs;
  for (size_t at = 0; at < line.size();) {
    at = skip_space(line, at);
    if (at >= line.size()) break;
    const CodePoint c = code_point(line, at);
    if (!is_word(c.value)) {
      at += c.length;
      continue;
    }
    const Key key = scan_key(line, at);
    if (key.end >= line.size() || line[key.end] != ':' || key.characters < 2) {
      at = key.end;
      continue;
    }
    const size_t begin = skip_space(line, key.end + 1);
    size_t end = scan_quoted(line, begin);
    if (end == std::string_view::npos) end = std::min(line.find(',', begin), line.size());
    pairs.push_back({line.substr(at, key.end - at), line.substr(begin, end - begin)});
    at = end + 1;
  }
  return pairs;
}

std::string unquote(std::string_view value) {
  if (value.front() != '"' || value.back() != '"') return std::string(value);
  const auto json = nlohmann::json::parse(value, nullptr, false);
  return json.is_string() ? json.get<std::string>() : std::string(value);
}

std::string quote(const std::string& value) {
  if (value.find_first_of(",\n:") == std::string::npos) return value;
  return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void set_parameter(Infotext& info, std::string_view key, const std::string& value) {
  const size_t x = value.find('x');
  if (x != std::string::npos && all_digits(std::string_view(value).substr(0, x)) && all_digits(std::string_view(value).substr(x + 1))) {
    info.set(str(key, "-1"), value.substr(0, x));
    info.set(str(key, "-2"), value.substr(x + 1));
  } else {
    info.set(key, value);
  }
}

void add_line(std::string& text, std::string_view line) {
  if (!text.empty()) text += '\n';
  text += line;
}

// The first pass of the web UI's old two-pass runs had about 512x512 pixels, in multiples of 64.
std::pair<long long, long long> old_first_pass(long long width, long long height) {
  const double scale = std::sqrt(512.0 * 512.0 / (static_cast<double>(width) * static_cast<double>(height)));
  const auto fit = [scale](long long size) { return static_cast<long long>(std::ceil(scale * static_cast<double>(size) / 64)) * 64; };
  return {fit(width), fit(height)};
}

long long size_parameter(const Infotext& info, std::string_view key) {
  long long size = 512;
  if (const std::string* text = info.find(key); text && !parse_number(*text, size)) size = 0;
  return size;
}

void restore_first_pass(Infotext& info) {
  if (!info.find("First pass size-1") || !info.find("First pass size-2")) return;
  const long long width = size_parameter(info, "Size-1"), height = size_parameter(info, "Size-2");
  std::pair<long long, long long> first = {size_parameter(info, "First pass size-1"), size_parameter(info, "First pass size-2")};
  if (width <= 0 || height <= 0) return;
  if (first.first == 0 || first.second == 0) first = old_first_pass(width, height);
  info.set("Size-1", std::to_string(first.first));
  info.set("Size-2", std::to_string(first.second));
  info.set("Hires resize-1", std::to_string(width));
  info.set("Hires resize-2", std::to_string(height));
}

}  // namespace

const std::string* Infotext::find(std::string_view key) const {
  for (const auto& [name, value] : parameters)
    if (name == key) return &value;
  return nullptr;
}

void Infotext::set(std::string_view key, std::string value) {
  for (auto& [name, old] : parameters)
    if (name == key) {
      old = std::move(value);
      return;
    }
  parameters.emplace_back(key, std::move(value));
}

std::string write_infotext(const Infotext& info) {
  std::string text = info.prompt;
  if (!info.negative_prompt.empty()) text += str('\n', negative_label, ' ', info.negative_prompt);
  text += '\n';
  std::string separator;
  for (const auto& [key, value] : info.parameters) {
    text += separator + (key == value ? key : key + ": " + quote(value));
    separator = ", ";
  }
  return std::string(strip(text));
}

Infotext read_infotext(std::string_view text) {
  Infotext info;
  std::vector<std::string_view> lines = split(strip(text), '\n');
  std::vector<Pair> pairs = scan_pairs(lines.back());
  if (pairs.size() < 3)
    pairs.clear();
  else
    lines.pop_back();
  bool negative = false;
  for (std::string_view line : lines) {
    line = strip(line);
    if (line.starts_with(negative_label)) {
      negative = true;
      line = strip(line.substr(negative_label.size()));
    }
    add_line(negative ? info.negative_prompt : info.prompt, line);
  }
  constexpr size_t most_parameters = 1000;  // set() searches the list; a line with more is no picture's description
  if (pairs.size() > most_parameters) pairs.resize(most_parameters);
  for (const auto& [key, value] : pairs)
    if (!value.empty()) set_parameter(info, key, unquote(value));
  return info;
}

void add_infotext_defaults(Infotext& info) {
  if (!info.find("Clip skip")) info.set("Clip skip", "1");
  if (const std::string* name = info.find("Hypernet")) {
    const std::string* strength = info.find("Hypernet strength");
    info.prompt += str("<hypernet:", *name, ':', strength ? *strength : "1.0", '>');
  }
  restore_first_pass(info);
  if (!info.find("RNG")) info.set("RNG", "GPU");
}

}  // namespace imagent
