// SHA-256 of large files, remembered so that no file is read twice (A1111 modules/hashes.py, modules/cache.py).
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "hub/digest.h"

namespace imagent {

class HashCache {
 public:
  // `file`: JSON, "path" -> {"size", "mtime", "sha256"}; a damaged or missing one remembers nothing.
  explicit HashCache(std::filesystem::path file) : file_(std::move(file)) {}

  // What is remembered of a file that has not changed since: size and time of change are compared.
  std::optional<std::string> find(const std::filesystem::path& path) const;
  // That, or the file is read. A cache that cannot be written is no error. Errors: io, cancelled.
  std::string sha256(const std::filesystem::path& path, const Cancelled& cancelled = {}) const;

 private:
  std::filesystem::path file_;
};

// The 10 digits by which the AUTOMATIC1111 web UI calls a model.
inline std::string short_hash(const std::string& sha256) { return sha256.substr(0, 10); }

}  // namespace imagent
