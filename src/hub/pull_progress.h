// How far a download is.
#pragma once
#include <cstdint>
#include <functional>

namespace imagent {

struct PullProgress {
  uint64_t done = 0, total = 0;       // bytes; total 0 when no size is known
  double bytes_per_second = 0;        // 0 until it is known
  double seconds_left = -1;           // -1 while it is not known
  int files_done = 0, files = 0;
};
using PullCallback = std::function<void(const PullProgress&)>;

}  // namespace imagent
