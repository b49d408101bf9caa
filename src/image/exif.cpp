// Reading and writing the two EXIF fields, with every offset checked: the block comes from strangers.
#include "image/exif.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "image/unicode.h"

namespace imagent {

namespace {

constexpr uint16_t tag_orientation = 0x0112, tag_exif_folder = 0x8769, tag_user_comment = 0x9286;
constexpr uint16_t type_short = 3, type_long = 4, type_undefined = 7;
constexpr std::string_view label_unicode("UNICODE\0", 8), label_ascii("ASCII\0\0\0", 8), label_none("\0\0\0\0\0\0\0\0", 8);

class Tiff {
 public:
  explicit Tiff(Bytes bytes) : bytes_(bytes) {
    if (bytes.size() < 8) return;
    big_endian_ = bytes[0] == 'M';
    valid_ = bytes[0] == bytes[1] && (bytes[0] == 'M' || bytes[0] == 'I') && u16(2) == 42;
  }

  struct Entry {
    uint16_t type;
    uint32_t count, value;  // value: or its offset
    uint16_t short_value;
  };

  uint32_t first_folder() const { return u32(4); }
  bool big_endian() const { return big_endian_; }

  // The entry of a tag in the folder at `offset`.
  std::optional<Entry> find(uint32_t offset, uint16_t tag) const {
    if (!valid_ || !inside(offset, 2)) return std::nullopt;
    const uint32_t count = u16(offset);
    for (uint32_t i = 0; i < count; ++i) {
      const size_t at = size_t{offset} + 2 + 12 * size_t{i};
      if (!inside(at, 12)) return std::nullopt;
      if (u16(at) == tag) return Entry{u16(at + 2), u32(at + 4), u32(at + 8), u16(at + 8)};
    }
    return std::nullopt;
  }

  Bytes slice(size_t offset, size_t count) const { return inside(offset, count) ? bytes_.subspan(offset, count) : Bytes{}; }

 private:
  bool inside(size_t offset, size_t count) const { return offset <= bytes_.size() && count <= bytes_.size() - offset; }
  uint16_t u16(size_t at) const {
    return static_cast<uint16_t>(big_endian_ ? bytes_[at] << 8 | bytes_[at + 1] : bytes_[at + 1] << 8 | bytes_[at]);
  }
  uint32_t u32(size_t at) const {
    return big_endian_ ? uint32_t{u16(at)} << 16 | u16(at + 2) : uint32_t{u16(at + 2)} << 16 | u16(at);
  }

  Bytes bytes_;
  bool big_endian_ = false, valid_ = false;
};

// Some writers follow the block's byte order, piexif is always big endian. Generation parameters hold much ASCII, whose
// zero bytes tell; without any the order mark decides, then piexif's habit.
bool utf16_is_big_endian(Bytes text) {
  if (text.size() >= 2 && text[0] == 0xFE && text[1] == 0xFF) return true;
  if (text.size() >= 2 && text[0] == 0xFF && text[1] == 0xFE) return false;
  size_t zeros[2] = {0, 0};
  for (size_t i = 0; i < text.size(); ++i) zeros[i % 2] += text[i] == 0;
  return zeros[0] >= zeros[1];
}

std::string utf8_from_utf16_bytes(Bytes text) {
  const bool big = utf16_is_big_endian(text);
  std::u16string utf16;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    utf16 += static_cast<char16_t>(big ? text[i] << 8 | text[i + 1] : text[i + 1] << 8 | text[i]);
  if (utf16.starts_with(u'\uFEFF')) utf16.erase(0, 1);
  return utf8_from_utf16(utf16);
}

void append_big_endian(std::vector<uint8_t>& out, uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

struct FolderEntry {
  uint16_t tag, type;
  uint32_t count, value;
};

void append_folder(std::vector<uint8_t>& out, const FolderEntry& entry) {
  append_big_endian(out, 1, 2);
  append_big_endian(out, entry.tag, 2);
  append_big_endian(out, entry.type, 2);
  append_big_endian(out, entry.count, 4);
  append_big_endian(out, entry.value, 4);
  append_big_endian(out, 0, 4);  // no folder follows
}

}  // namespace

int exif_orientation(Bytes exif) {
  const Tiff tiff(exif);
  if (exif.size() < 8) return 1;
  const auto entry = tiff.find(tiff.first_folder(), tag_orientation);
  if (!entry || entry->type != type_short) return 1;
  return entry->short_value >= 1 && entry->short_value <= 8 ? entry->short_value : 1;
}

std::string exif_user_comment(Bytes exif) {
  const Tiff tiff(exif);
  if (exif.size() < 8) return "";
  const auto folder = tiff.find(tiff.first_folder(), tag_exif_folder);
  if (!folder || folder->type != type_long) return "";
  const auto comment = tiff.find(folder->value, tag_user_comment);
  if (!comment || comment->count < 8) return "";
  const Bytes bytes = tiff.slice(comment->value, comment->count);
  if (bytes.empty()) return "";
  const std::string_view label(reinterpret_cast<const char*>(bytes.data()), 8);
  const Bytes text = bytes.subspan(8);
  if (label == label_unicode) return utf8_from_utf16_bytes(text);
  if (label != label_ascii && label != label_none) return "";
  std::string plain(text.begin(), text.end());
  plain.erase(std::min(plain.find('\0'), plain.size()));
  return is_valid_utf8(plain) ? plain : utf8_from_latin1(plain);
}

std::vector<uint8_t> exif_with_user_comment(const std::string& utf8) {
  const std::u16string text = utf16_from_utf8(utf8);
  std::vector<uint8_t> out = {'M', 'M', 0, 42, 0, 0, 0, 8};
  append_folder(out, {tag_exif_folder, type_long, 1, 26});                                                  // 8 + 18 bytes
  append_folder(out, {tag_user_comment, type_undefined, static_cast<uint32_t>(8 + 2 * text.size()), 44});   // 26 + 18
  out.insert(out.end(), label_unicode.begin(), label_unicode.end());
  for (const char16_t c : text) append_big_endian(out, c, 2);
  return out;
}

Image apply_orientation(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool swapped = orientation >= 5;  // rows become columns
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image out(swapped ? image.height : image.width, swapped ? image.width : image.height, image.channels);
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x) {
      const int column = swapped ? y : x, row = swapped ? x : y;
      const uint8_t* from = image.at(from_right ? image.width - 1 - column : column, from_bottom ? image.height - 1 - row : row);
      std::copy_n(from, image.channels, out.at(x, y));
    }
  return out;
}

}  // namespace imagent
