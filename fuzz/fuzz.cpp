// Limits of fuzzed inputs: memory is counted by the sanitizer's hooks (sanitizer/allocator_interface.h).
#include "fuzz.h"

#include <sanitizer/allocator_interface.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "base/error.h"

namespace imagent::fuzz {
namespace {

std::atomic<int64_t> in_use{0}, most{0};

void on_malloc(const volatile void*, size_t size) {
  const int64_t now = in_use += static_cast<int64_t>(size);
  int64_t before = most;
  while (before < now && !most.compare_exchange_weak(before, now)) {
  }
}
void on_free(const volatile void* memory) {
  if (memory) in_use -= static_cast<int64_t>(__sanitizer_get_allocated_size(const_cast<const void*>(memory)));
}

[[noreturn]] void stop(const char* why, const std::string& text) {
  std::fprintf(stderr, "fuzz: %s: %s\n", why, text.c_str());
  std::abort();
}

void judge(const Error& error) {
  if (error.kind == ErrorKind::internal) stop("a fault of our own", error.text);
  if (!is_valid_utf8(error.text)) stop("an error's text is no UTF-8", error.text);
  const bool control = std::any_of(error.text.begin(), error.text.end(), [](unsigned char c) { return c < 32 || c == 127; });
  if (control) stop("an error's text holds control characters", error.text);
  if (error.text.size() > 2000) stop("an error's text is long", error.text);
}

}  // namespace

MemoryFile::MemoryFile(std::string_view content) : file_(memfd_create("fuzz", 0)) {
  if (file_ < 0 || write(file_, content.data(), content.size()) != static_cast<ssize_t>(content.size())) stop("no memory for a file", "");
}
MemoryFile::~MemoryFile() { close(file_); }
std::filesystem::path MemoryFile::path() const { return str("/proc/self/fd/", file_); }

void expect_answer(size_t input_size, const std::function<void()>& body) {
  static const int hooked = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
  if (!hooked) stop("the allocator takes no hooks", "");
  in_use = most = 0;
  try {
    body();
  } catch (const Error& error) {
    judge(error);
  }
  const int64_t limit = static_cast<int64_t>(input_size) * 4 + 64'000'000;
  if (most > limit) stop("too much memory", str(most.load(), " bytes for an input of ", input_size));
}

void read_all(const Source& source) {
  size_t sum = 0;
  for (const std::string& name : source.names()) try {
      const auto view = source.find(name);
      for (const std::byte b : view->bytes) sum += static_cast<size_t>(b);
    } catch (const Error& error) {
      if (error.kind != ErrorKind::unsupported) throw;
    }
  if (sum == SIZE_MAX) stop("impossible", "");  // the sum is used: the reads stay
}

}  // namespace imagent::fuzz
