// Finding and reading embeddings.
#include "pipeline/embedding_library.h"

#include <algorithm>

#include "base/error.h"
#include "hub/digest.h"
#include "text/tokenizer.h"
#include "weights/open.h"

namespace imagent {
namespace {

// The tokenizer sees neither case nor, around punctuation, white space: what two spellings of the same tokens share.
std::string squeezed(const std::string& text) {
  std::string out = lower_ascii(text);
  std::erase_if(out, [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; });
  return out;
}

std::shared_ptr<const NamedEmbedding> read(const std::string& name, const std::filesystem::path& path) {
  constexpr size_t short_hash = 12;
  constexpr int64_t room = ClipTokenizer::max_length - 2;
  NamedEmbedding embedding{name, "", path, {}, ""};
  try {
    embedding.hash = sha256_of_file(path).substr(0, short_hash);
    embedding.vectors = read_embedding(*open_weights(path));
    check(embedding.vectors.count() <= room, ErrorKind::model, path.string(), " has ", embedding.vectors.count(), " vectors, a prompt has room for ", room);
  } catch (const Error& error) {
    embedding.fault = error.text;
  }
  return std::make_shared<NamedEmbedding>(std::move(embedding));
}

}  // namespace

std::vector<std::shared_ptr<const NamedEmbedding>> EmbeddingLibrary::mentioned(const std::vector<std::string>& texts) {
  constexpr size_t keep = 64;
  std::vector<std::shared_ptr<const NamedEmbedding>> found;
  std::vector<std::string> spelled;
  for (const std::string& text : texts) spelled.push_back(squeezed(text));
  for (const auto& [name, path] : named_files(folder_)) {
    const std::string word = squeezed(name);
    const bool occurs = std::any_of(spelled.begin(), spelled.end(), [&](const std::string& text) { return text.find(word) != std::string::npos; });
    if (word.empty() || !is_valid_utf8(name) || !occurs) continue;
    const FileStamp stamp = stamp_of(path);
    const auto entry = std::find_if(entries_.begin(), entries_.end(), [&, &path = path](const Entry& e) { return e.embedding->path == path && e.stamp == stamp; });
    if (entry != entries_.end())
      entries_.splice(entries_.begin(), entries_, entry);
    else
      entries_.push_front({stamp, read(name, path)});
    found.push_back(entries_.front().embedding);
  }
  if (entries_.size() > keep) entries_.resize(std::max(keep, found.size()));
  return found;
}

}  // namespace imagent
