// Splitting lower-case text into the words that byte-pair encoding works on. transformers tokenization_clip.py.
#pragma once
#include <string_view>
#include <vector>

namespace imagent {

// 's 't 're 've 'm 'll 'd | a run of letters | one digit | a run of anything else but white space. The words are
// views of `text`, which is well-formed UTF-8.
std::vector<std::string_view> split_words(std::string_view text);

}  // namespace imagent
