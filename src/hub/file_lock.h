// A lock between processes and threads by flock(2), on the files that the Python client locks too.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>

namespace imagent {

class FileLock {
 public:
  // The lock, or nothing when somebody else holds it. The file and its folder are made. Errors: io.
  static std::optional<FileLock> try_lock(const std::filesystem::path& path);

  FileLock(FileLock&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace imagent
