// How many processor cores this process may use.
#pragma once
#include <filesystem>

namespace imagent {

// Cores this process may run on, at least 1: affinity, and the CPU quota of its cgroup (v1 or v2) rounded up.
int usable_cores();

// The quota alone, in whole cores rounded up; 0 when there is none. `root` stands for "/" (another one in tests).
int cgroup_cores(const std::filesystem::path& root);

}  // namespace imagent
