// Texts of strangers in messages.
#include "base/printable.h"

#include "base/str.h"

namespace imagent {

// Bytes of the character at the start of `text`, 0 when it is none.
static size_t utf8_length(std::string_view text) {
  for (size_t length = 1; length <= 4 && length <= text.size(); ++length)
    if (is_valid_utf8(text.substr(0, length))) return length;
  return 0;
}

std::string printable(std::string_view text) {
  constexpr size_t longest = 200;
  std::string out;
  while (!text.empty() && out.size() < longest) {
    const size_t length = utf8_length(text);
    const auto first = static_cast<unsigned char>(text[0]), second = static_cast<unsigned char>(length > 1 ? text[1] : '\0');
    const bool control = length == 1 ? first < 0x20 || first == 0x7f : first == 0xc2 && second < 0xa0;
    const bool white = first == '\t' || first == '\n' || first == '\r';
    out += white ? " " : length == 0 || control ? "?" : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return text.empty() ? out : out + "...";
}

}  // namespace imagent
