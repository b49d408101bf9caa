// A file mapped read-only into memory. Closed on destruction; shared by copying the shared_ptr that open() returns.
// Somebody may write into the file or cut it short meanwhile. Then what is read is not what lay there, but reading never ends
// the process, as a page behind a file's end otherwise would (SIGBUS): it reads as zeros, and is_unchanged() says no.
#pragma once
#include <sys/stat.h>

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

  // Whether the bytes are still those that were there when it was opened. Another file put in its place does not change them.
  bool is_unchanged() const;
  // Errors: of the kind given to open(), when they are not.
  void check_unchanged() const;

  // Tells the kernel that these bytes were used and their pages may go (they stay in the page cache). Errors: check_unchanged().
  void release(std::span<const std::byte> used) const;

 private:
  struct Guard;
  MappedFile(const std::filesystem::path& path, ErrorKind kind) : path_(path), kind_(kind) {}

  std::filesystem::path path_;
  ErrorKind kind_;
  std::span<const std::byte> bytes_;
  struct stat status_ {};
  Guard* guard_ = nullptr;
};

}  // namespace imagent
