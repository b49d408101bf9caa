// Reports at most ten times a second, and at the end of every file.
#include "hub/transfer_meter.h"

#include <algorithm>

namespace imagent {

constexpr double window = 10, shortest_interval = 0.1;

TransferMeter::TransferMeter(const Clock& clock, PullCallback callback, uint64_t total, int files) : clock_(clock), callback_(std::move(callback)) {
  progress_.total = total;
  progress_.files = files;
  samples_.emplace_back(clock_.now(), 0);
}

void TransferMeter::received(uint64_t bytes) {
  const std::lock_guard guard(mutex_);
  network_bytes_ += bytes;
  progress_.done += bytes;
  report(false);
}

void TransferMeter::kept(uint64_t bytes) {
  const std::lock_guard guard(mutex_);
  progress_.done += bytes;
  report(false);
}

void TransferMeter::dropped(uint64_t bytes) {
  const std::lock_guard guard(mutex_);
  progress_.done -= std::min(bytes, progress_.done);
}

void TransferMeter::file_done() {
  const std::lock_guard guard(mutex_);
  ++progress_.files_done;
  report(true);
}

uint64_t TransferMeter::network_bytes() const {
  const std::lock_guard guard(mutex_);
  return network_bytes_;
}

void TransferMeter::report(bool always) {
  const double now = clock_.now();
  if (!always && now - last_report_ < shortest_interval) return;
  last_report_ = now;
  while (samples_.size() > 1 && now - samples_[1].first >= window) samples_.pop_front();
  const double elapsed = now - samples_.front().first;
  if (elapsed > 0) progress_.bytes_per_second = static_cast<double>(network_bytes_ - samples_.front().second) / elapsed;
  samples_.emplace_back(now, network_bytes_);
  const bool known = progress_.total >= progress_.done && progress_.total > 0 && progress_.bytes_per_second > 0;
  progress_.seconds_left = known ? static_cast<double>(progress_.total - progress_.done) / progress_.bytes_per_second : -1;
  if (callback_) callback_(progress_);
}

}  // namespace imagent
