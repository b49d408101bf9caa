// Writing a file or folder whole or not at all (POSIX: O_EXCL, fsync, rename).
#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace imagent {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void cannot_write(const fs::path& path, int reason) { fail(ErrorKind::io, "cannot write ", path.string(), ": ", std::strerror(reason)); }

// Beside the target. The name stays short: a target of the longest name the file system allows must not fail for its suffix.
fs::path temporary_name(const fs::path& target) {
  static std::atomic<unsigned> counter{0};
  return target.parent_path() / str(".imagent-", getpid(), '-', counter++, ".part");
}
constexpr int attempts = 100;  // at a name that nobody else has taken

// Where the file really lies; a link to a name that does not exist yet is followed too.
fs::path behind_links(fs::path path) {
  std::error_code error;
  for (int depth = 0; fs::is_symlink(path, error); ++depth) {
    if (depth == 40) cannot_write(path, ELOOP);
    path = path.parent_path() / fs::read_symlink(path, error);
    if (error) cannot_write(path, error.value());
  }
  return path;
}

void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // not every file system has this; the files themselves are synced
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& path) : path_(path) {
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) cannot_write(path, EISDIR);
  if (exists && !S_ISREG(status.st_mode)) {
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) cannot_write(path, errno);
    return;
  }
  target_ = behind_links(path);
  for (int attempt = 0; attempt < attempts && descriptor_ < 0; ++attempt) {
    fs::path name = temporary_name(target_);
    descriptor_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0)
      temporary_ = std::move(name);
    else if (errno != EEXIST)
      break;
  }
  if (descriptor_ < 0) cannot_write(path, errno);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)), target_(std::move(other.target_)), temporary_(std::exchange(other.temporary_, {})), descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) cannot_write(path_, errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::commit() {
  if (!temporary_.empty() && ::fsync(descriptor_) != 0) cannot_write(path_, errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) cannot_write(path_, errno);
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) cannot_write(path_, errno);
  temporary_.clear();
}

void write_file_atomically(const fs::path& path, std::span<const uint8_t> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

AtomicFolder::AtomicFolder(const fs::path& target) : target_(target) {
  if (!target_.has_filename()) target_ = target_.parent_path();  // "models/x/"
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const fs::path name = temporary_name(target_);
    if (::mkdir(name.c_str(), 0777) == 0) {
      temporary_ = name;
      return;
    }
    if (errno != EEXIST) break;
  }
  cannot_write(target, errno);
}

AtomicFolder::~AtomicFolder() {
  std::error_code error;
  if (!temporary_.empty()) fs::remove_all(temporary_, error);
}

void AtomicFolder::commit() {
  std::error_code error;
  fs::path old;
  if (fs::exists(target_, error)) {
    old = temporary_name(target_);
    if (::rename(target_.c_str(), old.c_str()) != 0) cannot_write(target_, errno);
  }
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    const int reason = errno;
    if (!old.empty()) ::rename(old.c_str(), target_.c_str());
    cannot_write(target_, reason);
  }
  temporary_.clear();
  sync_folder(target_.parent_path());
  if (!old.empty()) fs::remove_all(old, error);
}

}  // namespace imagent
