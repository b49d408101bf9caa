// Read-only file mapping (POSIX).
#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <mutex>

namespace imagent {

// A mapping as the signal handler sees it. Guards are never freed, so the handler may walk their list at any time; one whose
// mapping has gone serves the next.
struct MappedFile::Guard {
  std::atomic<uintptr_t> begin = 0, end = 0;
  std::atomic<bool> damaged = false, taken = true;
  Guard* next = nullptr;

  static inline std::atomic<Guard*> first = nullptr;
  static inline struct sigaction previous {};
  static inline uintptr_t page = 4096;

  static Guard* take(std::span<const std::byte> bytes);
  void give_back();
  static void install();
  static void on_missing_page(int signal, siginfo_t* info, void* context);
};

// A page that the file does not reach any more becomes one of zeros. Only calls that a signal handler may make.
void MappedFile::Guard::on_missing_page(int signal, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (Guard* guard = first; guard; guard = guard->next) {
    if (address < guard->begin || address >= guard->end) continue;
    guard->damaged = true;
    void* place = reinterpret_cast<void*>(address / page * page);
    if (mmap(place, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) return;
  }
  if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction) return previous.sa_sigaction(signal, info, context);
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) return previous.sa_handler(signal);
  sigaction(signal, &previous, nullptr);  // not ours: the access happens again, and what happened before happens
}

void MappedFile::Guard::install() {
  static std::once_flag once;
  std::call_once(once, [] {
    page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    struct sigaction action {};
    action.sa_sigaction = on_missing_page;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous);
  });
}

MappedFile::Guard* MappedFile::Guard::take(std::span<const std::byte> bytes) {
  install();
  Guard* guard = first;
  for (bool expected = false; guard; guard = guard->next, expected = false)
    if (guard->taken.compare_exchange_strong(expected, true)) break;
  if (!guard) {
    guard = new Guard;
    guard->next = first;
    while (!first.compare_exchange_weak(guard->next, guard)) continue;
  }
  guard->damaged = false;
  guard->begin = reinterpret_cast<uintptr_t>(bytes.data());
  guard->end = reinterpret_cast<uintptr_t>(bytes.data() + bytes.size());
  return guard;
}

void MappedFile::Guard::give_back() {
  end = 0;
  begin = 0;
  taken = false;
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path, ErrorKind kind) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe without a writer must not block
  check(file >= 0, kind, "cannot open ", path.string(), ": ", std::strerror(errno));
  const std::shared_ptr<MappedFile> mapped(new MappedFile(path, kind));
  struct stat& status = mapped->status_;
  const bool regular = fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  void* address = nullptr;
  const auto size = regular ? static_cast<size_t>(status.st_size) : 0;
  if (size > 0) address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  check(regular, kind, "cannot read ", path.string(), ": it is not a regular file");
  check(address != MAP_FAILED, kind, "cannot map ", path.string(), ": ", std::strerror(errno));
  mapped->bytes_ = {static_cast<const std::byte*>(address), size};
  if (size > 0) mapped->guard_ = Guard::take(mapped->bytes_);
  return mapped;
}

MappedFile::~MappedFile() {
  if (guard_) guard_->give_back();
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

bool MappedFile::is_unchanged() const {
  if (guard_ && guard_->damaged) return false;
  struct stat now {};
  const bool same_file = stat(path_.c_str(), &now) == 0 && now.st_dev == status_.st_dev && now.st_ino == status_.st_ino;
  if (!same_file) return true;
  return now.st_size == status_.st_size && now.st_mtim.tv_sec == status_.st_mtim.tv_sec && now.st_mtim.tv_nsec == status_.st_mtim.tv_nsec;
}

void MappedFile::check_unchanged() const {
  check(is_unchanged(), kind_, path_.string(), " was written to while it was read: try again when it is whole");
}

void MappedFile::release(std::span<const std::byte> used) const {
  check_unchanged();
  const uintptr_t page = Guard::page;
  const auto begin = (reinterpret_cast<uintptr_t>(used.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<uintptr_t>(used.data() + used.size()) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace imagent
