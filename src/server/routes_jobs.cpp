// imagent's own dialect, jobs: queued, watched by server-sent events, listed, cancelled.
#include <limits>

#include "base/error.h"
#include "server/job_view.h"
#include "server/routes_own.h"
#include "server/sse.h"

#include <httplib.h>

namespace imagent::server {

using Json = nlohmann::ordered_json;

static std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

static JobStatus find_job(Service& service, const std::string& id) {
  std::optional<JobStatus> status = service.queue.status(id);
  if (!status) throw HttpError{404, "not_found", str("there is no job ", id.substr(0, 64))};
  return std::move(*status);
}

static Json complete_event(Service& service, const std::string& id) {
  const JobStatus status = find_job(service, id);
  const std::vector<std::string> images = images_of(service, status);
  const std::vector<Picture>& pictures = status.result.pictures;
  return {{"type", "complete"}, {"image", images.empty() ? "" : images.front()}, {"images", images}, {"format", status.job.format},
          {"seed", pictures.empty() ? 0 : pictures.front().seed}, {"info", view_of(status)}};
}

// A job's event as the own dialect's.
static std::string write_event(Service& service, const JobEvent& event) {
  const std::string id = std::to_string(event.id);
  const std::string done = sse_event("", "[DONE]");
  if (event.type == "progress" || event.type == "preview") return sse_event(event.type, text_of(event.data), id);
  if (event.type == "completed") {
    try {
      return sse_event("complete", text_of(complete_event(service, event.job)), id) + done;
    } catch (const Error& error) {  // somebody has deleted the picture meanwhile
      return sse_event("error", text_of({{"type", "error"}, {"kind", name_of(error.kind)}, {"message", error.text}}), id) + done;
    }
  }
  if (event.type == "failed" || event.type == "cancelled")
    return sse_event("error", text_of({{"type", "error"}, {"kind", event.data.value("kind", event.type)}, {"message", event.data.value("error", "the job was cancelled")}}), id) + done;
  Json data = event.data;
  data["type"] = event.type;
  return sse_event("status", text_of(data), id);
}

static int64_t last_event_id(const Call& call) {
  std::string text = call.request.get_header_value("Last-Event-ID");
  if (text.empty()) text = call.parameter("last_event_id");
  long long id = 0;
  return parse_number(text, id) && id > 0 ? id : 0;
}

static void stream_job(Service& service, Call& call) {
  const std::string id = call.path.at("id");
  find_job(service, id);
  stream_events(service, call, {.job = id, .after = last_event_id(call), .write = [&service](const JobEvent& event) { return write_event(service, event); }});
}

static int whole(const Call& call, const char* name, int fallback, int most) {
  long long value = 0;
  const std::string text = call.parameter(name);
  if (text.empty()) return fallback;
  check(parse_number(text, value) && value >= 0 && value <= most, ErrorKind::usage, name, " \"", text.substr(0, 60), "\": should be a whole number from 0 to ", most);
  return static_cast<int>(value);
}

static void list_jobs(Service& service, Call& call) {
  JobFilter filter{.client = call.parameter("client"), .limit = whole(call, "limit", 50, 1000), .offset = whole(call, "offset", 0, 1000000)};
  if (const std::string state = call.parameter("status"); !state.empty()) {
    const bool known = state == "queued" || state == "running" || state == "completed" || state == "failed" || state == "cancelled";
    check(known, ErrorKind::usage, "status: should be queued, running, completed, failed or cancelled");
    filter.state = job_state(state);
  }
  Json jobs = Json::array();
  for (const JobStatus& status : service.queue.jobs(filter)) jobs.push_back(view_of(status));
  const QueueCounts counts = service.queue.counts();
  call.reply(Json{{"jobs", jobs}, {"waiting", counts.waiting}, {"running", counts.running}});
}

static void submit_job(Service& service, Call& call) {
  const std::string id = submit(service, call, own_job(service, call.json(), {.steps = 20, .strength = 0.8}));
  call.reply(Json{{"job_id", id}, {"sse_url", "/v1/jobs/" + id + "/stream"}}, 202);
}

static void end_job(Service& service, Call& call, Order order) {
  const JobStatus status = find_job(service, call.path.at("id"));
  if (!service.queue.cancel({status.job.id, order})) throw HttpError{409, "usage", str("the job has ended: it is ", name_of(find_job(service, status.job.id).state))};
  call.reply(view_of(find_job(service, status.job.id)));
}

std::vector<Route> job_routes(Service& service) {
  const std::string one = "/v1/jobs/{id}";
  return {
      {.method = "POST", .path = "/v1/jobs", .summary = "Queues a picture (operation: image_generation, image_transform, image_inpaint)",
       .handler = [&](Call& call) { submit_job(service, call); }, .body = Body::picture},
      {.method = "GET", .path = "/v1/jobs", .summary = "Jobs, newest first (status, client, limit, offset)", .handler = [&](Call& call) { list_jobs(service, call); }},
      {.method = "GET", .path = one, .summary = "A job: state, place in the queue, progress, timings, pictures",
       .handler = [&](Call& call) { call.reply(view_of(find_job(service, call.path.at("id")))); }},
      {.method = "DELETE", .path = one, .summary = "Cancels a job", .handler = [&](Call& call) { end_job(service, call, Order::cancel); }},
      {.method = "POST", .path = one + "/interrupt", .summary = "Ends a job after the running step with the pictures as they are; a waiting one is cancelled",
       .handler = [&](Call& call) { end_job(service, call, Order::interrupt); }},
      {.method = "GET", .path = one + "/stream", .summary = "Server-sent events: progress, preview, complete or error, then [DONE]; Last-Event-ID resumes",
       .handler = [&](Call& call) { stream_job(service, call); }},
  };
}

}  // namespace imagent::server
