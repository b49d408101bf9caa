// What every verb does before and after: stop when cancelled, report to the backend's observer.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"
#include "tensor/backend.h"

namespace imagent {

class OpScope {
 public:
  // `describe` gives the shape text; it is called only when somebody observes.
  template <class Describe>
  OpScope(Backend& backend, std::string_view op, double flop, Describe&& describe) : backend_(backend) {
    if (backend.cancel && *backend.cancel) fail(ErrorKind::cancelled, "cancelled");
    if (!backend.observer) return;
    record_ = {op, describe(), flop, 0};
    start_ = std::chrono::steady_clock::now();
  }
  ~OpScope() {
    if (!backend_.observer || record_.op.empty()) return;
    backend_.synchronize();
    record_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    backend_.observer(record_);
  }
  OpScope(const OpScope&) = delete;

 private:
  Backend& backend_;
  OpRecord record_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace imagent
