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

void stream_text(Service& service, Call& call, TextStream stream) {
  call.response.status = 200;
  call.response.set_header("Cache-Control", "no-store");
  call.response.set_header("X-Accel-Buffering", "no");
  auto last_write = std::chrono::steady_clock::now();
  const auto provide = [&service, stream = std::move(stream), last_write](size_t, httplib::DataSink& sink) mutable {
    Connection* caller = Connection::current();
    const bool gone = caller && caller->caller_gone();
    if (gone && stream.caller_left) stream.caller_left();
    if (gone || service.stopping()) return false;
    bool ended = false;
    std::string text = stream.next(slice, ended);
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

void stream_events(Service& service, Call& call, EventStream stream) {
  TextStream texts;
  if (stream.cancel_with_caller) texts.caller_left = [&service, job = stream.job] { service.queue.cancel({job}); };
  texts.next = [&service, stream = std::move(stream)](Wait wait, bool& ended) mutable {
    std::string text;
    for (const JobEvent& event : service.queue.events({stream.job, stream.after, wait})) {
      stream.after = event.id;
      text += stream.write(event);
      ended = ended || event.type == "completed" || event.type == "failed" || event.type == "cancelled";
    }
    return text;
  };
  stream_text(service, call, std::move(texts));
}

}  // namespace imagent::server
