// A file mapped read-only into memory. Closed on destruction; shared by copying the shared_ptr that open() returns.
#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "base/error.h"

namespace imagent {

class MappedFile {
 public:
  // Errors: of the given kind, when the file cannot be opened or mapped (an empty file maps to an empty span).
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path, ErrorKind kind);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }

  // Tells the kernel that these bytes were used and their pages may go (they stay in the page cache).
  void release(std::span<const std::byte> used) const;

 private:
  MappedFile(std::filesystem::path path, std::span<const std::byte> bytes) : path_(std::move(path)), bytes_(bytes) {}
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

}  // namespace imagent
