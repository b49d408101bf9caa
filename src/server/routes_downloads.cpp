// imagent's own dialect, models from the hub: fetched for callers where the server was started for it, and watched.
#include "base/error.h"
#include "server/downloads.h"
#include "server/json_at.h"
#include "server/sse.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

static Json progress_of(const DownloadStatus& s) {
  const PullProgress& p = s.progress;
  const double percent = p.total ? 100.0 * static_cast<double>(p.done) / static_cast<double>(p.total) : 0;
  return {{"type", "progress"}, {"percent", s.state == JobState::completed ? 100.0 : percent}, {"done", p.done}, {"total", p.total}, {"bytes_per_second", p.bytes_per_second},
          {"eta", p.seconds_left >= 0 ? Json(p.seconds_left) : Json()}, {"files_done", p.files_done}, {"files", p.files}};
}

static Json view_of(const DownloadStatus& s) {
  Json view = {{"id", s.id}, {"name", s.name}, {"status", name_of(s.state)}, {"created", s.created}, {"progress", progress_of(s)}, {"sse_url", "/v1/pulls/" + s.id + "/stream"}};
  if (!s.error.empty()) view["error"] = {{"kind", s.error_kind}, {"message", s.error}};
  return view;
}

static std::string event_of(const DownloadStatus& s) {
  const auto event = [](const char* name, const Json& data) { return sse_event(name, data.dump(-1, ' ', false, Json::error_handler_t::replace)); };
  const std::string done = sse_event("", "[DONE]");
  if (s.state == JobState::completed) return event("progress", progress_of(s)) + event("complete", {{"type", "complete"}, {"name", s.name}}) + done;
  if (s.state == JobState::cancelled) return event("error", {{"type", "error"}, {"kind", "cancelled"}, {"message", "the download was cancelled"}}) + done;
  if (s.state == JobState::failed) return event("error", {{"type", "error"}, {"kind", s.error_kind}, {"message", s.error}}) + done;
  return event("progress", progress_of(s));
}

static Downloads& downloads_of(Service& service) {
  if (!service.downloads) throw HttpError{403, "forbidden", "this server fetches no models: it was started without --allow-downloads"};
  return *service.downloads;
}

static DownloadStatus find(Service& service, const Call& call) {
  const std::string& id = call.path.at("id");
  std::optional<DownloadStatus> status = downloads_of(service).find(id);
  if (!status) throw HttpError{404, "not_found", str("there is no download ", id.substr(0, 64))};
  return std::move(*status);
}

static void start(Service& service, Call& call) {
  Downloads& downloads = downloads_of(service);
  const std::string id = downloads.start(text_at(call.json(), "name"));
  call.reply(view_of(downloads.find(id).value()), 202);
}

static void list(Service& service, Call& call) {
  Json pulls = Json::array();
  if (service.downloads)
    for (const DownloadStatus& status : service.downloads->list()) pulls.push_back(view_of(status));
  call.reply(Json{{"pulls", pulls}});
}

static void cancel(Service& service, Call& call) {
  const DownloadStatus status = find(service, call);
  if (!service.downloads->cancel(status.id)) throw HttpError{409, "usage", str("the download has ended: it is ", name_of(status.state))};
  call.reply(view_of(find(service, call)));
}

static void stream(Service& service, Call& call) {
  const std::string id = find(service, call).id;
  TextStream texts;
  texts.next = [&service, id, version = int64_t{-1}](Wait wait, bool& ended) mutable -> std::string {
    const std::optional<DownloadStatus> status = service.downloads->wait(id, version, wait);
    ended = !status || (status->state != JobState::queued && status->state != JobState::running);
    if (!status || status->version <= version) return "";
    version = status->version;
    return event_of(*status);
  };
  stream_text(service, call, std::move(texts));
}

std::vector<Route> download_routes(Service& service) {
  return {{.method = "POST", .path = "/v1/models/pull", .summary = "Fetches a model from the hub ({\"name\"}); answers at once",
           .handler = [&](Call& call) { start(service, call); }, .body = Body::json},
          {.method = "GET", .path = "/v1/pulls", .summary = "Downloads, newest first", .handler = [&](Call& call) { list(service, call); }},
          {.method = "GET", .path = "/v1/pulls/{id}", .summary = "A download: state and progress", .handler = [&](Call& call) { call.reply(view_of(find(service, call))); }},
          {.method = "DELETE", .path = "/v1/pulls/{id}", .summary = "Cancels a download", .handler = [&](Call& call) { cancel(service, call); }},
          {.method = "GET", .path = "/v1/pulls/{id}/stream", .summary = "Server-sent events: progress, complete or error, then [DONE]",
           .handler = [&](Call& call) { stream(service, call); }}};
}

}  // namespace imagent::server
