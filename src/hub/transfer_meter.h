// How far a pull is: bytes, rate over the last seconds, time left. Shared by the threads that download.
#pragma once
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "hub/pull_progress.h"
#include "hub/retry.h"

namespace imagent {

class TransferMeter {
 public:
  TransferMeter(const Clock& clock, PullCallback callback, uint64_t total, int files);

  void received(uint64_t bytes);       // came over the network
  void kept(uint64_t bytes);           // is there already: counts as done, not into the rate
  void dropped(uint64_t bytes);        // has to come again
  void file_done();
  uint64_t network_bytes() const;      // received so far, dropped ones included

 private:
  void report(bool always);

  mutable std::mutex mutex_;
  const Clock& clock_;
  PullCallback callback_;
  PullProgress progress_;
  uint64_t network_bytes_ = 0;
  double last_report_ = -1;
  std::deque<std::pair<double, uint64_t>> samples_;   // (time, network bytes) of the last seconds
};

}  // namespace imagent
