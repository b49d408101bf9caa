// A file appears whole or not at all: bytes go to a temporary file beside the target, which then takes its name. The same
// for a folder.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

namespace imagent {

// Written piece by piece. A target that exists is replaced by commit(), a symbolic link is followed, and a device or pipe is
// written directly. Without commit() nothing remains. Errors of all: io with the path and the reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  void write(std::span<const uint8_t> bytes);
  void commit();  // syncs and renames

 private:
  std::filesystem::path path_, target_, temporary_;  // as asked, behind links, until commit(); empty: written directly
  int descriptor_ = -1;
};

// Writes a file that is in memory already.
void write_file_atomically(const std::filesystem::path& path, std::span<const uint8_t> bytes);

// A folder to fill at path(), which commit() turns into the target. A target that exists is replaced by it.
class AtomicFolder {
 public:
  explicit AtomicFolder(const std::filesystem::path& target);
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  ~AtomicFolder();

  const std::filesystem::path& path() const { return temporary_; }
  void commit();

 private:
  std::filesystem::path target_, temporary_;
};

}  // namespace imagent
