// The LoRA files that an engine can use: found by name or path, opened once, hashed once.
#pragma once
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/named_files.h"
#include "weights/lora_file.h"

namespace imagent {

class LoraLibrary {
 public:
  LoraLibrary() = default;
  // `paths`: whether path() may be used, that is, whether requests may name any file of this machine.
  LoraLibrary(std::filesystem::path folder, bool paths) : folder_(std::move(folder)), paths_(paths) {}

  struct Entry {
    std::string name;  // the file's, without its ending
    std::filesystem::path path;
    FileStamp stamp;
    std::shared_ptr<const LoraFile> file;
    std::string hash;  // "" until it is asked for
  };

  // A file of the folder, and a path when that is allowed and such a file exists, else a name; nothing when there is none.
  std::optional<std::filesystem::path> find(const std::string& name) const;
  std::optional<std::filesystem::path> find_path_or_name(const std::string& text) const;
  // The same, opened. Errors: usage (no such name, with the nearest one), model (a damaged file).
  Entry& named(const std::string& name);
  Entry& path_or_name(const std::string& text);
  // A1111's short hash: the first 12 digits of the SHA-256 of a safetensors file's data, or of another file's whole content.
  const std::string& hash(Entry& entry);

  std::vector<std::string> names() const { return names_in(folder_); }

 private:
  Entry& open(const std::filesystem::path& path);

  std::filesystem::path folder_;
  bool paths_ = true;
  std::list<Entry> entries_;  // most recently used first
};

}  // namespace imagent
