// Server-sent events (WHATWG HTML, section 9.2): a job's news as a stream that can be resumed.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "server/service.h"

namespace imagent::server {

// One event of the stream; `name` and `id` may be empty.
std::string sse_event(const std::string& name, const std::string& data, const std::string& id = {});

struct TextStream {
  // The stream's next words; waits so long at most for there to be some. `ended` is set with the last ones.
  std::function<std::string(Wait wait, bool& ended)> next;
  std::function<void()> caller_left = {};
};

// Answers the call with the stream, until it has ended. A comment every few seconds keeps the connection alive.
void stream_text(Service& service, Call& call, TextStream stream);

// What a job's event looks like in a dialect: zero or more events of the stream, as text.
using EventWriter = std::function<std::string(const JobEvent&)>;

struct EventStream {
  std::string job;
  int64_t after = 0;                   // Last-Event-ID
  EventWriter write;
  bool cancel_with_caller = false;     // the job ends when its only watcher goes
};

// The same for a job's news, until it has ended.
void stream_events(Service& service, Call& call, EventStream stream);

}  // namespace imagent::server
