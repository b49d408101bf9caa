// Views of jobs and pictures.
#include "server/job_view.h"

#include "base/str.h"
#include "image/infotext.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

std::string used_field(const JobStatus& status, const std::string& name) {
  for (const auto* fields : {&status.result.used, &status.job.fields})
    if (const auto found = fields->find(name); found != fields->end()) return found->second;
  return "";
}

nlohmann::json used_number(const JobStatus& status, const std::string& name, int fallback) {
  const std::string text = used_field(status, name);
  long long whole = fallback;
  double value = fallback;
  if (parse_number(text, whole)) return whole;
  return parse_number(text, value) ? nlohmann::json(value) : nlohmann::json(fallback);
}

Json view_of(const Picture& p) {
  Json parameters = Json::object();
  for (const auto& [key, value] : read_infotext(p.parameters).parameters) parameters[key] = value;
  return {{"id", p.id}, {"job", p.job}, {"url", "/v1/gallery/" + p.id + "/file"}, {"format", p.format}, {"width", p.width}, {"height", p.height},
          {"seed", p.seed}, {"created", p.created}, {"favourite", p.favourite}, {"prompt", p.prompt}, {"negative_prompt", p.negative},
          {"model", p.model}, {"parameters", p.parameters}, {"fields", parameters}};
}

Json view_of(const JobStatus& s) {
  Json view = {{"job_id", s.job.id}, {"status", name_of(s.state)}, {"dialect", s.job.dialect}, {"priority", s.job.priority},
               {"queue_position", s.position ? Json(s.position) : Json()}, {"attempts", s.attempts}, {"created", s.created}};
  view["started"] = s.started > 0 ? Json(s.started) : Json();
  view["finished"] = s.finished > 0 ? Json(s.finished) : Json();
  view["request"] = s.job.fields;
  for (const auto& [name, text] : s.result.used) view["request"][name] = text;
  if (s.state == JobState::running) view["progress"] = Json(s.progress);
  if (!s.result.timings.empty()) view["timings"] = Json(s.result.timings);
  if (!s.result.error.empty()) view["error"] = {{"kind", s.result.error_kind}, {"message", s.result.error}};
  Json images = Json::array();
  for (const Picture& picture : s.result.pictures) images.push_back({{"id", picture.id}, {"url", "/v1/gallery/" + picture.id + "/file"}, {"seed", picture.seed}});
  view["images"] = images;
  view["sse_url"] = "/v1/jobs/" + s.job.id + "/stream";
  return view;
}

}  // namespace imagent::server
