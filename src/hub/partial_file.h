// A file that grows while it is downloaded and gets its name when it is whole.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace imagent {

class PartialFile {
 public:
  // Opens what an earlier download left, or makes it. Every method: Errors: io, "disk full" when it is; with
  // SIGXFSZ ignored also for files that are too large for the file system.
  explicit PartialFile(std::filesystem::path path);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  uint64_t size() const { return size_; }
  void append(std::string_view bytes);
  void truncate();                                        // to zero
  void rename_to(const std::filesystem::path& target);    // on the disk first

 private:
  [[noreturn]] void fail_with(int reason) const;

  std::filesystem::path path_;
  int descriptor_;
  uint64_t size_ = 0;
};

}  // namespace imagent
