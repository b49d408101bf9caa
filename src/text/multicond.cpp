// Composable prompts: splitting at AND, weights after a colon at the end of a part.
#include "text/multicond.h"

#include <algorithm>
#include <cmath>

#include "base/str.h"
#include "text/unicode.h"

namespace imagent {
namespace {

PromptPart read_part(std::string_view text) {
  text.remove_suffix(space_before(text, text.size()));
  const PromptPart plain{std::string(text)};

  size_t begin = text.find_last_not_of(".0123456789");  // of the number, once sign and colon are found before it
  if (begin == std::string_view::npos) return plain;
  if (text[begin] != '+' && text[begin] != '-') ++begin;
  const std::string_view number = text.substr(begin);
  const size_t colon = begin - space_before(text, begin);
  PromptPart part;
  if (colon == 0 || text[colon - 1] != ':' || !parse_number(number, part.weight) || !std::isfinite(part.weight)) return plain;
  text = text.substr(0, colon - 1);
  part.text = text.substr(0, text.size() - space_before(text, text.size()));
  return part;
}

}  // namespace

std::vector<PromptPart> split_parts(std::string_view prompt) {
  constexpr std::string_view word = "AND";
  std::vector<PromptPart> parts;
  size_t begin = 0;
  for (size_t at = prompt.find(word); at != std::string_view::npos; at = prompt.find(word, at + word.size())) {
    if (!stands_alone(prompt, at, word.size())) continue;
    parts.push_back(read_part(prompt.substr(begin, at - begin)));
    begin = at + word.size();
  }
  parts.push_back(read_part(prompt.substr(begin)));
  return parts;
}

}  // namespace imagent
