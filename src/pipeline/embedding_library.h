// The embeddings (textual inversion) that an engine can use: a file's name without its ending is a word of the prompt.
#pragma once
#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/named_files.h"
#include "weights/embedding_file.h"

namespace imagent {

struct NamedEmbedding {
  std::string name, hash;      // the file's whole SHA-256, its first 12 digits
  std::filesystem::path path;
  LearnedEmbedding vectors;
  std::string fault;           // why it cannot be used; said when a prompt really means it

  int prompt_vectors() const { return fault.empty() ? static_cast<int>(vectors.count()) : 1; }
};

class EmbeddingLibrary {
 public:
  EmbeddingLibrary() = default;
  explicit EmbeddingLibrary(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Those whose names may stand in one of the texts; only these are opened, and stay open. Errors: usage (the folder).
  std::vector<std::shared_ptr<const NamedEmbedding>> mentioned(const std::vector<std::string>& texts);
  std::vector<std::string> names() const { return names_in(folder_); }

 private:
  struct Entry {
    FileStamp stamp;
    std::shared_ptr<const NamedEmbedding> embedding;
  };
  std::filesystem::path folder_;
  std::list<Entry> entries_;  // most recently used first
};

}  // namespace imagent
