// The metadata chunks of a PNG, read without libpng: text (tEXt, zTXt, iTXt) and eXIf (PNG specification, 11.3.3).
#include <zlib.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "image/formats.h"
#include "image/unicode.h"

namespace imagent::formats {

namespace {

constexpr size_t largest_text = size_t{4} << 20;  // unpacked: no prompt is longer, a bomb is

uint32_t big_endian(Bytes bytes) { return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3]; }
std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

struct Chunk {
  std::string_view type;
  Bytes data;
};

// Takes the next chunk off `rest`; none at the end, when it is cut short or when its checksum is wrong.
std::optional<Chunk> take_chunk(Bytes& rest) {
  if (rest.size() < 12) return std::nullopt;
  const size_t length = big_endian(rest);
  if (length > rest.size() - 12) return std::nullopt;
  const Chunk chunk{text_of(rest.subspan(4, 4)), rest.subspan(8, length)};
  const uint32_t stated = big_endian(rest.subspan(8 + length));
  const bool pixels = chunk.type == "IDAT";  // large, and of no interest here
  if (!pixels && crc32_z(crc32_z(0, nullptr, 0), rest.data() + 4, length + 4) != stated) return std::nullopt;
  rest = rest.subspan(12 + length);
  return chunk;
}

std::optional<std::string> inflate_text(Bytes packed) {
  std::string out(std::min(largest_text, packed.size() * 8 + 1024), '\0');
  while (true) {
    uLongf size = out.size();
    const int result = uncompress(reinterpret_cast<Bytef*>(out.data()), &size, packed.data(), packed.size());
    if (result == Z_OK) {
      out.resize(size);
      return out;
    }
    if (result != Z_BUF_ERROR || out.size() >= largest_text) return std::nullopt;
    out.resize(std::min(largest_text, out.size() * 8));
  }
}

// Splits at the first zero byte; false when there is none.
bool take_string(std::string_view& rest, std::string_view& part) {
  const size_t zero = rest.find('\0');
  if (zero == std::string_view::npos) return false;
  part = rest.substr(0, zero);
  rest.remove_prefix(zero + 1);
  return true;
}

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

std::string as_utf8(const std::string& text) { return is_valid_utf8(text) ? text : utf8_from_latin1(text); }

std::optional<std::string> international_text(std::string_view rest) {
  if (rest.size() < 2 || rest[1] != 0) return std::nullopt;
  const bool packed = rest[0] != 0;
  rest.remove_prefix(2);
  std::string_view language, translated;
  if (!take_string(rest, language) || !take_string(rest, translated)) return std::nullopt;
  if (!packed) return rest.size() <= largest_text ? std::optional(as_utf8(std::string(rest))) : std::nullopt;
  const auto text = inflate_text(bytes_of(rest));
  return text ? std::optional(as_utf8(*text)) : std::nullopt;
}

std::optional<std::string> text_in(const Chunk& chunk, std::string_view keyword) {
  std::string_view rest = text_of(chunk.data), key;
  if (!take_string(rest, key) || key != keyword) return std::nullopt;
  if (chunk.type == "iTXt") return international_text(rest);
  if (chunk.type == "tEXt") return rest.size() <= largest_text ? std::optional(utf8_from_latin1(rest)) : std::nullopt;
  if (rest.empty() || rest[0] != 0) return std::nullopt;
  const auto text = inflate_text(bytes_of(rest.substr(1)));
  return text ? std::optional(utf8_from_latin1(*text)) : std::nullopt;
}

}  // namespace

std::optional<std::string> find_png_text(Bytes file, std::string_view keyword) {
  Bytes rest = file.subspan(8);
  int unpacked = 0;
  while (const auto chunk = take_chunk(rest)) {
    if (chunk->type != "tEXt" && chunk->type != "zTXt" && chunk->type != "iTXt") continue;
    if (auto text = text_in(*chunk, keyword)) return text;
    if (text_of(chunk->data).starts_with(keyword) && ++unpacked > 8) break;  // many damaged ones are made to cost time
  }
  return std::nullopt;
}

Bytes png_exif(Bytes file) {
  Bytes rest = file.subspan(8);
  while (const auto chunk = take_chunk(rest))
    if (chunk->type == "eXIf") return chunk->data;
  return {};
}

}  // namespace imagent::formats
