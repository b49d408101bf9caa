// Read-only file mapping (POSIX).
#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace imagent {

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path, ErrorKind kind) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe without a writer must not block
  check(file >= 0, kind, "cannot open ", path.string(), ": ", std::strerror(errno));
  struct stat status {};
  const bool regular = fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  void* address = nullptr;
  const auto size = regular ? static_cast<size_t>(status.st_size) : 0;
  if (size > 0) address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  check(regular, kind, "cannot read ", path.string(), ": it is not a regular file");
  check(address != MAP_FAILED, kind, "cannot map ", path.string(), ": ", std::strerror(errno));
  return std::shared_ptr<const MappedFile>(new MappedFile(path, {static_cast<const std::byte*>(address), size}));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::release(std::span<const std::byte> used) const {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(used.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<uintptr_t>(used.data() + used.size()) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace imagent
