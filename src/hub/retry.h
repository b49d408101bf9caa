// Waiting and trying again: 1, 2, 4, 8, 8 s, or what the server asks for (Retry-After, RateLimit).
#pragma once
#include <functional>

#include "hub/http.h"

namespace imagent {

// The time, replaced in tests.
struct Clock {
  std::function<double()> now;              // seconds, steady
  std::function<void(double)> sleep;
};
Clock steady_clock();

bool is_transient(const HttpReply& reply);  // no answer, a broken connection, 408, 429, 500, 502, 503, 504

// Seconds that the server asks to wait: Retry-After in seconds or as a date, RateLimit with r=0. Nothing when it does not say.
std::optional<double> asked_wait(const HttpReply& reply);

// Sleeps in short slices. Errors: cancelled.
void wait_seconds(const Clock& clock, const std::function<bool()>& cancelled, double seconds);

class Backoff {
 public:
  Backoff(const Clock& clock, const std::function<bool()>& cancelled, int retries) : clock_(clock), cancelled_(cancelled), retries_(retries) {}

  // Waits before the next attempt; false at once when none is left or the server asks for more than five minutes.
  bool wait(const HttpReply& reply);
  void restart() { used_ = 0; }   // things went well for a while

 private:
  const Clock& clock_;
  const std::function<bool()>& cancelled_;
  int retries_;
  int used_ = 0;
};

}  // namespace imagent
