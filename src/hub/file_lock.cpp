// flock(2); the file may be removed by others while we wait for it, so what was locked is compared with what lies there.
#include "hub/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace imagent {

static bool still_there(int descriptor, const std::filesystem::path& path) {
  struct stat ours {}, there {};
  return ::fstat(descriptor, &ours) == 0 && ::stat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

std::optional<FileLock> FileLock::try_lock(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  check(descriptor >= 0, ErrorKind::io, "cannot write ", path.string(), ": ", std::strerror(errno));
  FileLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    check(errno == EWOULDBLOCK || errno == EINTR, ErrorKind::io, "cannot lock ", path.string(), ": ", std::strerror(errno));
    return std::nullopt;
  }
  if (!still_there(descriptor, path)) return std::nullopt;
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace imagent
