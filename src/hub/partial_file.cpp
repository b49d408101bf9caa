// POSIX: pwrite, fsync, rename.
#include "hub/partial_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace imagent {

PartialFile::PartialFile(std::filesystem::path path) : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (descriptor_ < 0) fail_with(errno);
  struct stat status {};
  if (::fstat(descriptor_, &status) == 0) size_ = static_cast<uint64_t>(status.st_size);
}

PartialFile::~PartialFile() { ::close(descriptor_); }

void PartialFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail_with(written < 0 ? errno : ENOSPC);
    size_ += static_cast<uint64_t>(written);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void PartialFile::truncate() {
  if (size_ > 0 && ::ftruncate(descriptor_, 0) != 0) fail_with(errno);
  size_ = 0;
}

void PartialFile::rename_to(const std::filesystem::path& target) {
  if (::fsync(descriptor_) != 0 || ::rename(path_.c_str(), target.c_str()) != 0) fail_with(errno);
}

void PartialFile::fail_with(int reason) const {
  check(reason != ENOSPC && reason != EDQUOT, ErrorKind::io, "disk full: cannot write ", path_.string(), " beyond ", size_,
        " bytes; what came is kept, make room and start again");
  check(reason != EFBIG, ErrorKind::io, "cannot write ", path_.string(), " beyond ", size_, " bytes: no larger files are allowed there (by the file system, or by ulimit -f)");
  fail(ErrorKind::io, "cannot write ", path_.string(), ": ", std::strerror(reason));
}

}  // namespace imagent
