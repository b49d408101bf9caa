// How much memory this process may use, and uses.
#pragma once
#include <cstddef>

namespace imagent {

// Bytes that can still be taken: what the system has available, the cgroup's limit (v1 and v2) and RLIMIT_AS respected.
size_t available_memory();
size_t resident_bytes();       // of this process now
size_t peak_resident_bytes();  // largest resident size of this process so far

// For a process of hundreds of threads, to be called before it has them: they allocate from few heaps, where the system's
// allocator would make more and more of them, each with holes of its own.
void allocate_from_few_heaps();

}  // namespace imagent
