// The part of a run's steps in which something counts.
#pragma once
#include <algorithm>
#include <vector>

namespace imagent {

struct StepWindow {
  double start = 0, end = 1;          // parts of the steps
  bool counts_touched_steps = false;  // A1111: the step in which `end` lies counts, too

  bool active(int step, int steps) const {
    const double n = std::max(steps, 1);
    return step / n >= start && (counts_touched_steps ? step : step + 1) / n <= end;
  }
};

// Those of `all` that count in a step. T has a `window`.
template <class T>
std::vector<const T*> active_in(const std::vector<T>& all, int step, int steps) {
  std::vector<const T*> active;
  for (const T& one : all)
    if (one.window.active(step, steps)) active.push_back(&one);
  return active;
}

}  // namespace imagent
