// A1111's emphasis grammar: (x) x 1.1, (x:1.3) x 1.3, [x] / 1.1, backslash escapes, BREAK. modules/prompt_parser.py.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace imagent {

struct WeightedText {
  std::string text;
  double weight = 1.0;

  // BREAK ends a chunk. Within brackets its weight is no longer -1 and A1111 reads it as the plain word: so do we.
  bool is_break() const { return weight == -1.0 && text == "BREAK"; }
};

// Splits a prompt into runs of one weight; never empty. Anything that is no grammar is text: stray brackets, and a
// weight that is no number, as in "(a:1.2.3)". Brackets nested deeper than 256 no longer change weights.
std::vector<WeightedText> parse_attention(std::string_view prompt);

}  // namespace imagent
