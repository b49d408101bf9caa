// Textual inversion: names of embeddings as sequences of token ids.
#include "text/embedding_names.h"

#include <algorithm>

#include "base/error.h"

namespace imagent {

EmbeddingNames::EmbeddingNames(const ClipTokenizer& tokenizer, const std::vector<EmbeddingName>& names) {
  for (const EmbeddingName& embedding : names) {
    check(embedding.vectors >= 1 && embedding.vectors <= ClipTokenizer::max_length - 2, ErrorKind::usage, "embedding \"", embedding.name, "\" has ",
          embedding.vectors, " vectors, a prompt has room for 1 to ", ClipTokenizer::max_length - 2);
    std::vector<int> ids = tokenizer.encode(embedding.name);
    check(!ids.empty(), ErrorKind::usage, "embedding \"", embedding.name, "\" has a name without letters, no prompt can contain it");
    const int first = ids[0];
    by_first_id_[first].push_back({std::move(ids), embedding});
  }
  for (auto& [first, entries] : by_first_id_)
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.ids.size() > b.ids.size(); });
}

EmbeddingNames::Match EmbeddingNames::find(std::span<const int> ids) const {
  const auto entries = ids.empty() ? by_first_id_.end() : by_first_id_.find(ids[0]);
  if (entries == by_first_id_.end()) return {};
  for (const Entry& entry : entries->second)
    if (entry.ids.size() <= ids.size() && std::equal(entry.ids.begin(), entry.ids.end(), ids.begin())) return {&entry.embedding, entry.ids.size()};
  return {};
}

}  // namespace imagent
