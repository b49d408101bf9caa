// Backoff (huggingface_hub utils/_http.py: http_backoff, parse_ratelimit_headers).
#include "hub/retry.h"

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include "base/error.h"

namespace imagent {
namespace {

constexpr double longest_wait = 8, longest_asked_wait = 300, slice = 0.1;

// `"api";r=0;t=55` -> 55
std::optional<double> rate_limit_wait(const std::string& header) {
  double remaining = -1, reset = -1;
  for (const std::string_view field : split(header, ';')) {
    const std::string_view entry = trim(field);
    if (entry.starts_with("r=")) parse_number(entry.substr(2), remaining);
    if (entry.starts_with("t=")) parse_number(entry.substr(2), reset);
  }
  return remaining == 0 && reset >= 0 ? std::optional(reset) : std::nullopt;
}

}  // namespace

Clock steady_clock() {
  return {.now = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); },
          .sleep = [](double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }};
}

bool is_transient(const HttpReply& reply) {
  if (!reply.failure.empty()) return reply.may_pass;
  for (const long status : {408, 429, 500, 502, 503, 504})
    if (reply.status == status) return true;
  return reply.status == 0;
}

std::optional<double> asked_wait(const HttpReply& reply) {
  const std::string text = reply.header("retry-after");
  double seconds = 0;
  if (parse_number(text, seconds)) return seconds >= 0 ? std::optional(seconds) : std::nullopt;
  if (!text.empty()) {
    const time_t when = curl_getdate(text.c_str(), nullptr);
    if (when > 0) return std::max(0.0, std::difftime(when, std::time(nullptr)));
  }
  return rate_limit_wait(reply.header("ratelimit"));
}

void wait_seconds(const Clock& clock, const std::function<bool()>& cancelled, double seconds) {
  for (double left = seconds; left > 0; left -= slice) {
    check(!cancelled(), ErrorKind::cancelled, "the download was cancelled");
    clock.sleep(std::min(left, slice));
  }
}

bool Backoff::wait(const HttpReply& reply) {
  if (used_ >= retries_) return false;
  const double own = std::min(longest_wait, static_cast<double>(1 << std::min(used_, 8)));
  const double seconds = asked_wait(reply).value_or(own);
  if (!(seconds <= longest_asked_wait)) return false;
  ++used_;
  wait_seconds(clock_, cancelled_, seconds);
  return true;
}

}  // namespace imagent
