// Textual inversion: which words of a prompt stand for learned vectors. Paper: "An Image is Worth One Word" (Gal 2022).
#pragma once
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/tokenizer.h"

namespace imagent {

struct EmbeddingName {
  std::string name;  // the word in the prompt: the file's name without its ending
  int vectors = 1;   // rows of the learned embedding
};

// The names as token ids, to be found in a tokenised prompt. An empty table finds nothing.
class EmbeddingNames {
 public:
  EmbeddingNames() = default;
  // Errors: usage (a name that has no token, or more than 75 vectors or none: they would fit no chunk).
  EmbeddingNames(const ClipTokenizer& tokenizer, const std::vector<EmbeddingName>& names);

  struct Match {
    const EmbeddingName* embedding = nullptr;  // null: no name starts here
    size_t tokens = 0;                         // ids that the name takes
  };
  // The longest name at the start of `ids`.
  Match find(std::span<const int> ids) const;

 private:
  struct Entry {
    std::vector<int> ids;
    EmbeddingName embedding;
  };
  std::unordered_map<int, std::vector<Entry>> by_first_id_;  // longest first
};

}  // namespace imagent
