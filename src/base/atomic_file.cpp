// Writing a file whole or not at all (POSIX: O_EXCL, fsync, rename).
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

namespace {

[[noreturn]] void cannot_write(const std::filesystem::path& path, int reason) {
  fail(ErrorKind::io, "cannot write ", path.string(), ": ", std::strerror(reason));
}

// An open file that is closed, and removed unless kept, when its scope ends.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target) : target_(target) {
    static std::atomic<unsigned> counter{0};
    for (int attempt = 0; attempt < 100; ++attempt) {
      // The name stays short: a target of the longest name the file system allows must not fail for its suffix.
      path_ = target.parent_path() / str(".imagent-", getpid(), '-', counter++, ".part");
      descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (descriptor_ >= 0) return;
      if (errno != EEXIST) break;
    }
    cannot_write(target, errno);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!kept_) ::unlink(path_.c_str());
  }

  int descriptor() const { return descriptor_; }

  void rename_to_target() {
    if (::fsync(descriptor_) != 0) cannot_write(target_, errno);
    if (::close(std::exchange(descriptor_, -1)) != 0) cannot_write(target_, errno);
    if (::rename(path_.c_str(), target_.c_str()) != 0) cannot_write(target_, errno);
    kept_ = true;
  }

 private:
  std::filesystem::path target_, path_;
  int descriptor_ = -1;
  bool kept_ = false;
};

void write_all(int descriptor, std::span<const uint8_t> bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) cannot_write(path, errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

// Where the file really lies; a link to a name that does not exist yet is followed too.
std::filesystem::path behind_links(std::filesystem::path path) {
  std::error_code error;
  for (int depth = 0; std::filesystem::is_symlink(path, error); ++depth) {
    if (depth == 40) cannot_write(path, ELOOP);
    path = path.parent_path() / std::filesystem::read_symlink(path, error);
    if (error) cannot_write(path, error.value());
  }
  return path;
}

void write_directly(const std::filesystem::path& path, std::span<const uint8_t> bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) cannot_write(path, errno);
  struct Closer {
    int descriptor;
    ~Closer() { ::close(descriptor); }
  } closer{descriptor};
  write_all(descriptor, bytes, path);
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::span<const uint8_t> bytes) {
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) cannot_write(path, EISDIR);
  if (exists && !S_ISREG(status.st_mode)) return write_directly(path, bytes);
  const std::filesystem::path target = behind_links(path);
  TemporaryFile file(target);
  write_all(file.descriptor(), bytes, path);
  file.rename_to_target();
}

}  // namespace imagent
