// Core count from sched_getaffinity(2) and the cgroup files cpu.max (v2) or cpu.cfs_quota_us (v1).
#include "base/cores.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

#include "base/str.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Whole cores in a quota per period; 0 when unlimited or unreadable ("max 100000", "-1", "").
int cores_of(std::string_view quota_text, std::string_view period_text) {
  double quota = 0, period = 0;
  if (!parse_number(trim(quota_text), quota) || !parse_number(trim(period_text), period)) return 0;
  if (!(quota > 0) || !(period > 0)) return 0;
  return static_cast<int>(std::clamp(std::ceil(quota / period), 1.0, 1e6));
}

int quota_v2(const fs::path& folder) {
  const std::string line = first_line(folder / "cpu.max");
  const auto parts = split(line, ' ');
  return parts.size() == 2 ? cores_of(parts[0], parts[1]) : 0;
}

int quota_v1(const fs::path& folder) {
  return cores_of(first_line(folder / "cpu.cfs_quota_us"), first_line(folder / "cpu.cfs_period_us"));
}

int smaller_limit(int a, int b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

// The tightest limit of a cgroup and all that it lies in. `group` begins with '/'; inside a container it may name a
// folder that is not visible: then the visible root is what holds.
int tightest(const fs::path& mount, std::string_view group, int (*quota)(const fs::path&)) {
  int limit = quota(mount);
  fs::path folder = mount;
  for (std::string_view part : split(group, '/')) {
    if (part.empty() || part == "..") continue;
    folder /= part;
    limit = smaller_limit(limit, quota(folder));
  }
  return limit;
}

}  // namespace

int cgroup_cores(const fs::path& root) {
  const fs::path mount = root / "sys/fs/cgroup";
  int limit = 0;
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // hierarchy:controllers:path
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    if (controllers.empty()) limit = smaller_limit(limit, tightest(mount, group, quota_v2));
    for (std::string_view controller : split(controllers, ','))
      if (controller == "cpu")
        for (const char* name : {"cpu", "cpu,cpuacct"}) limit = smaller_limit(limit, tightest(mount / name, group, quota_v1));
  }
  return limit;
}

int usable_cores() {
  cpu_set_t set;
  int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : static_cast<int>(std::thread::hardware_concurrency());
  const int quota = cgroup_cores("/");
  if (quota > 0) cores = std::min(cores, quota);
  return std::max(cores, 1);
}

}  // namespace imagent
