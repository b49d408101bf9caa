// The little Unicode that prompts need: code points, categories, NFC and lower case. Tables: utf8proc.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace imagent {

// Error usage, naming the byte offset, unless `text` is well-formed UTF-8 (no surrogates, no overlong forms).
void check_utf8(std::string_view text, std::string_view what);

// The code point at byte `at` of well-formed UTF-8; moves `at` behind it.
char32_t next_code_point(std::string_view text, size_t& at);
// The code point that ends before byte `at` (> 0); moves `at` to its first byte.
char32_t previous_code_point(std::string_view text, size_t& at);
void append_utf8(std::string& out, char32_t code_point);

bool is_letter(char32_t c);       // \p{L}
bool is_number(char32_t c);       // \p{N}
bool is_white_space(char32_t c);  // the property White_Space
bool is_prompt_space(char32_t c);  // \s of Python, in which A1111's grammar is written: White_Space and U+001C..U+001F
bool is_word(char32_t c);          // \w of Python: letter, number or underscore

// Bytes of white space (is_prompt_space) that start at, or end before, byte `at`.
size_t space_after(std::string_view text, size_t at);
size_t space_before(std::string_view text, size_t at);
std::string_view trim_space(std::string_view text);  // without is_prompt_space at both ends

// True when the ASCII word at [begin, begin + length) stands alone: no word character touches it.
bool stands_alone(std::string_view text, size_t begin, size_t length);

// Canonical composition (NFC), in n log n time for any input.
std::string to_nfc(std::string_view text);
// Character by character, without context: a final capital sigma becomes the ordinary small sigma.
std::string to_lower(std::string_view text);

}  // namespace imagent
