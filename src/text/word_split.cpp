// Splitting text into CLIP's words: the pre-tokenizer's regular expression, written as a scanner.
#include "text/word_split.h"

#include "text/unicode.h"

namespace imagent {
namespace {

enum class Kind { space, letter, number, other };

Kind kind_of(char32_t c) { return is_white_space(c) ? Kind::space : is_letter(c) ? Kind::letter : is_number(c) ? Kind::number : Kind::other; }

size_t contraction_length(std::string_view text) {
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.starts_with(ending)) return ending.size();
  return 0;
}

// Bytes of the run of `kind` at the start of `text`; numbers are taken one by one.
size_t run_length(std::string_view text, Kind kind) {
  size_t end = 0;
  for (size_t next = 0; next < text.size(); end = next) {
    if (kind_of(next_code_point(text, next)) != kind) break;
    if (kind == Kind::number) return next;
  }
  return end;
}

}  // namespace

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  const auto take = [&](size_t length) {
    words.push_back(text.substr(0, length));
    text.remove_prefix(length);
  };
  while (!text.empty()) {
    // Where a marker is no special token it is still cut out of the signs around it, into "<|", the word and "|>".
    const bool marker = text.starts_with("<|startoftext|>") || text.starts_with("<|endoftext|>");
    size_t at = 0;
    const Kind kind = kind_of(next_code_point(text, at));
    if (marker) {
      take(2);
      take(text.find('|'));
      take(2);
    } else if (const size_t length = contraction_length(text)) {
      take(length);
    } else if (kind == Kind::space) {
      text.remove_prefix(at);
    } else {
      take(run_length(text, kind));
    }
  }
  return words;
}

}  // namespace imagent
