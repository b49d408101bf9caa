// Streams of events over a chunked answer.
#include "server/sse.h"

#include <httplib.h>

#include <chrono>

#include "server/connection.h"

namespace imagent::server {

constexpr Wait slice{250};
constexpr auto keep_alive = std::chrono::seconds(10);

std::string sse_event(const std::string& name, const std::string& data, const std::string& id) {
  std::string text;
  if (!id.empty()) text += "id: " + id + "\n";
  if (!name.empty()) text += "event: " + name + "\n";
  for (const std::string_view line : split(data, '\n')) text += str("data: ", line, "\n");
  return text + "\n";
}

void stream_events(Service& service, Call& call, EventStream stream) {
  call.response.status = 200;
  call.response.set_header("Cache-Control", "no-store");
  call.response.set_header("X-Accel-Buffering", "no");
  auto last_write = std::chrono::steady_clock::now();
  const auto provide = [&service, stream, last_write](size_t, httplib::DataSink& sink) mutable {
    Connection* caller = Connection::current();
    const bool gone = caller && caller->caller_gone();
    if (gone && stream.cancel_with_caller) service.queue.cancel({stream.job});
    if (gone || service.stopping()) return false;
    const std::vector<JobEvent> events = service.queue.events({stream.job, stream.after, slice});
    std::string text;
    bool ended = false;
    for (const JobEvent& event : events) {
      stream.after = event.id;
      text += stream.write(event);
      ended = ended || event.type == "completed" || event.type == "failed" || event.type == "cancelled";
    }
    const auto now = std::chrono::steady_clock::now();
    if (text.empty() && now - last_write > keep_alive) text = ": keep-alive\n\n";
    if (!text.empty()) {
      last_write = now;
      if (!sink.write(text.data(), text.size())) return false;
    }
    if (ended) sink.done();
    return true;
  };
  call.response.set_chunked_content_provider("text/event-stream", provide);
}

}  // namespace imagent::server
