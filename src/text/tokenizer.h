// CLIP's byte-pair tokenizer: the same ids as transformers' fast CLIPTokenizer. Paper: "Learning Transferable Visual
// Models From Natural Language Supervision" (Radford 2021), section 2.4; transformers tokenization_clip.py.
#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace imagent {

// Cheap to copy (copies share their tables and word cache) and safe to use from several threads.
class ClipTokenizer {
 public:
  // Errors: tokenizer (a merge or a special token that is not in the vocabulary).
  explicit ClipTokenizer(const ClipVocabulary& vocabulary);
  static ClipTokenizer from_folder(const std::filesystem::path& folder) { return ClipTokenizer(read_vocabulary(folder)); }
  static ClipTokenizer from_bpe_table(std::string_view table, std::string pad = "<|endoftext|>") {
    return ClipTokenizer(vocabulary_from_bpe_table(table, std::move(pad)));
  }

  // Ids of the text without start, end and padding. Errors: usage (not UTF-8, with the byte offset).
  std::vector<int> encode(std::string_view text) const;
  // The vocabulary's own spelling of each id ("cat</w>"), "" for an unknown id.
  std::vector<std::string> pieces(std::span<const int> ids) const;
  // The id of a vocabulary entry such as ",</w>", -1 when there is none.
  int id_of(const std::string& piece) const;

  int start_id() const;
  int end_id() const;
  int pad_id() const;
  static constexpr int max_length = 77;  // with start and end
  size_t vocabulary_size() const;

 private:
  struct Tables;
  std::shared_ptr<const Tables> tables_;
};

}  // namespace imagent
