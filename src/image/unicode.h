// UTF-8 to and from the two other encodings that picture metadata uses: UTF-16 and Latin-1.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace imagent {

// Bytes that are no UTF-8 become U+FFFD.
std::u16string utf16_from_utf8(std::string_view utf8);
// Unpaired surrogates become U+FFFD.
std::string utf8_from_utf16(std::u16string_view utf16);
std::string utf8_from_latin1(std::string_view latin1);
// Nothing when a character does not fit.
std::optional<std::string> latin1_from_utf8(std::string_view utf8);

}  // namespace imagent
