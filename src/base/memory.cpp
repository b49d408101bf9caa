// Memory limits of the process (Linux).
#include "base/memory.h"

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace imagent {
namespace {

constexpr size_t unlimited = std::numeric_limits<size_t>::max();

// The number after `key` in a file of such lines ("MemAvailable: N kB", "active_file N"); 0 when it is not there.
size_t number_after(const char* path, const std::string& key) {
  std::ifstream in(path);
  for (std::string word; in >> word;) {
    size_t number = 0;
    if (word == key && in >> number) return number;
  }
  return 0;
}
size_t kilobytes_of(const char* path, const std::string& key) { return number_after(path, key) * 1024; }

size_t number_in(const char* path, size_t fallback) {
  std::ifstream in(path);
  size_t number;
  return in >> number ? number : fallback;
}

size_t left_of(size_t limit, size_t used) { return limit - std::min(limit, used); }

struct Cgroup {
  const char *limit, *usage, *statistics;  // files
};

// The page cache counts as used by a cgroup but gives way: after a model was read it may be all of the rest.
size_t left_in(const Cgroup& group) {
  const size_t limit = number_in(group.limit, unlimited);
  if (limit == unlimited) return unlimited;
  const size_t used = number_in(group.usage, 0), cache = number_after(group.statistics, "active_file") + number_after(group.statistics, "inactive_file");
  return left_of(limit, used - std::min(used, cache));
}

}  // namespace

size_t available_memory() {
  const size_t system = kilobytes_of("/proc/meminfo", "MemAvailable:");
  const size_t v2 = left_in({"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"});
  const size_t v1 = left_in({"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes", "/sys/fs/cgroup/memory/memory.stat"});
  rlimit address_space{};
  size_t process = unlimited;
  if (getrlimit(RLIMIT_AS, &address_space) == 0 && address_space.rlim_cur != RLIM_INFINITY)
    process = left_of(address_space.rlim_cur, kilobytes_of("/proc/self/status", "VmSize:"));
  return std::min({system ? system : unlimited, v2, v1, process});
}

size_t resident_bytes() { return kilobytes_of("/proc/self/status", "VmRSS:"); }
size_t peak_resident_bytes() { return kilobytes_of("/proc/self/status", "VmHWM:"); }

void allocate_from_few_heaps() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 2);
#endif
}

}  // namespace imagent
