// Memory limits of the process (Linux).
#include "base/memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace imagent {
namespace {

constexpr size_t unlimited = std::numeric_limits<size_t>::max();

// The number after `key` in a file of "key: N kB" lines, in bytes; 0 when it is not there.
size_t kilobytes_of(const char* path, const std::string& key) {
  std::ifstream in(path);
  for (std::string word; in >> word;) {
    size_t kilobytes = 0;
    if (word == key && in >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

size_t number_in(const char* path, size_t fallback) {
  std::ifstream in(path);
  size_t number;
  return in >> number ? number : fallback;
}

size_t left_of(size_t limit, size_t used) { return limit == unlimited ? unlimited : limit - std::min(limit, used); }

}  // namespace

size_t available_memory() {
  const size_t system = kilobytes_of("/proc/meminfo", "MemAvailable:");
  // The page cache counts as used by a cgroup but gives way.
  const size_t v2 = left_of(number_in("/sys/fs/cgroup/memory.max", unlimited), number_in("/sys/fs/cgroup/memory.current", 0));
  const size_t v1 = left_of(number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes", unlimited),
                            number_in("/sys/fs/cgroup/memory/memory.usage_in_bytes", 0));
  rlimit address_space{};
  size_t process = unlimited;
  if (getrlimit(RLIMIT_AS, &address_space) == 0 && address_space.rlim_cur != RLIM_INFINITY)
    process = left_of(address_space.rlim_cur, kilobytes_of("/proc/self/status", "VmSize:"));
  return std::min({system ? system : unlimited, v2, v1, process});
}

size_t peak_resident_bytes() { return kilobytes_of("/proc/self/status", "VmHWM:"); }

}  // namespace imagent
