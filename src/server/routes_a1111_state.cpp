// What runs now, stopping it, and the settings that clients read and write (modules/api/api.py: progressapi, interruptapi, ...).
#include <algorithm>

#include "base/error.h"
#include "hub/hash_cache.h"
#include "pipeline/field.h"
#include "server/json_at.h"
#include "server/routes_a1111.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

static std::vector<JobStatus> running_jobs(Service& service) {
  std::vector<JobStatus> jobs = service.queue.jobs({.state = JobState::running});
  std::erase_if(jobs, [](const JobStatus& status) { return status.job.dialect != "a1111"; });
  return jobs;
}

static Json last_preview(Service& service, const std::string& job) {
  Json image;
  for (const JobEvent& event : service.queue.events({.job = job}))
    if (event.type == "preview") image = event.data.value("image", "");
  return image;
}

static Json idle_state() {
  return {{"skipped", false}, {"interrupted", false}, {"stopping_generation", false}, {"job", ""}, {"job_count", 0}, {"job_timestamp", "0"}, {"job_no", 0},
          {"sampling_step", 0}, {"sampling_steps", 0}};
}

static void progress(Service& service, Call& call) {
  Json body = {{"progress", 0.0}, {"eta_relative", 0.0}, {"state", idle_state()}, {"current_image", nullptr}, {"textinfo", nullptr}, {"current_task", nullptr}};
  const std::vector<JobStatus> running = running_jobs(service);
  if (running.empty()) return call.reply(body);
  const JobStatus& s = running.back();  // the oldest
  const double count = s.job.batches, number = s.progress.value("batch", 0), step = s.progress.value("step", 0), steps = s.progress.value("total", 0);
  const double done = std::min(1.0, 0.01 + number / count + (steps > 0 ? step / steps / count : 0));
  const double elapsed = now() - s.started;
  Json& state = body["state"];
  state["job"] = str("Batch ", number + 1, " out of ", count);
  state["job_count"] = s.job.batches;
  state["job_no"] = static_cast<int>(number);
  state["job_timestamp"] = std::to_string(static_cast<int64_t>(s.started));
  state["sampling_step"] = static_cast<int>(step);
  state["sampling_steps"] = static_cast<int>(steps);
  body["progress"] = done;
  body["eta_relative"] = elapsed / done - elapsed;
  body["current_task"] = s.job.id;
  const std::string skip = call.parameter("skip_current_image") + call.parameter("skipCurrentImage");
  if (lower_ascii(skip) != "true" && skip != "1") body["current_image"] = last_preview(service, s.job.id);
  call.reply(body);
}

static void give_order(Service& service, Call& call, Order order, const Json& answer) {
  for (const JobStatus& status : running_jobs(service)) service.queue.cancel({status.job.id, order});
  call.reply(answer);
}

std::string title_of(Service& service, const CatalogEntry& entry) {
  const std::string sha256 = service.hashes.sha256(entry);
  return sha256.empty() ? entry.file_name : str(entry.file_name, " [", short_hash(sha256), "]");
}

void set_default_options(Service& service) {
  service.options.values = {{"samples_format", "png"}, {"sd_model_checkpoint", builtin_name}, {"sd_vae", "Automatic"}, {"CLIP_stop_at_last_layers", 1}, {"randn_source", "GPU"},
                            {"eta_noise_seed_delta", 0}, {"live_previews_enable", true}, {"show_progress_every_n_steps", 10}, {"show_progress_type", "Approx NN"},
                            {"show_progress_grid", true}, {"live_preview_refresh_period", 1000}, {"img2img_fix_steps", false}, {"enable_emphasis", true},
                            {"upcast_attn", false}, {"s_churn", 0.0}, {"s_tmin", 0.0}, {"s_noise", 1.0}, {"sd_checkpoint_hash", ""}, {"outdir_samples", ""}, {"jpeg_quality", 80}};
}

std::string option_text(Service& service, const char* name) {
  const std::lock_guard lock(service.options.mutex);
  const auto found = service.options.values.find(name);
  if (found == service.options.values.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

static void check_named(Service& service, const nlohmann::json& body, const char* key, CatalogKind kind) {
  const std::string name = text_at(body, key);
  if (name.empty()) return;
  try {
    service.catalog.find(kind, name);
  } catch (const Error&) {
    const std::string shown = quoted(name);
    throw HttpError{500, "model", str(kind == CatalogKind::model ? "model '" : "VAE '", shown.substr(1, shown.size() - 2), "' not found")};
  }
}

// Clients post the whole dictionary back: what this server does not have is left alone, what it has must be of the same type.
static void set_options(Service& service, Call& call) {
  const nlohmann::json body = call.json();
  check_named(service, body, "sd_model_checkpoint", CatalogKind::model);
  const std::string vae = text_at(body, "sd_vae");
  if (!vae.empty() && vae != "Automatic" && vae != "None") check_named(service, body, "sd_vae", CatalogKind::vae);
  const std::lock_guard lock(service.options.mutex);
  Json changed = service.options.values;
  for (auto& [key, value] : changed.items()) {
    const auto given = body.find(key);
    if (given == body.end() || given->is_null()) continue;
    const bool same = (given->is_number() && value.is_number()) || given->type() == static_cast<nlohmann::json::value_t>(value.type());
    check(same, ErrorKind::usage, key, ": should be of the same type as ", value.dump());
    check(given->dump().size() < 4096, ErrorKind::usage, key, ": is too long");
    value = *given;
  }
  service.options.values = std::move(changed);
  call.reply(Json());
}

static void get_options(Service& service, Call& call) {
  Json values;
  {
    const std::lock_guard lock(service.options.mutex);
    values = service.options.values;
  }
  try {  // its title tells the hash once that is known
    const CatalogEntry model = service.catalog.find(CatalogKind::model, values.value("sd_model_checkpoint", ""));
    values["sd_model_checkpoint"] = title_of(service, model);
    values["sd_checkpoint_hash"] = service.hashes.sha256(model);
  } catch (const Error&) {  // it has gone from its folder
  }
  call.reply(values);
}

std::vector<Route> a1111_state_routes(Service& service) {
  const auto route = [](const char* method, const char* path, const char* summary, Handler handler, Body body = Body::none) {
    return Route{.method = method, .path = path, .dialect = Dialect::a1111, .summary = summary, .handler = std::move(handler), .body = body};
  };
  return {route("GET", "/sdapi/v1/progress", "How far the running picture is, with a preview", [&](Call& call) { progress(service, call); }),
          route("POST", "/sdapi/v1/interrupt", "Ends the running job with what it has", [&](Call& call) { give_order(service, call, Order::interrupt, Json::object()); }),
          route("POST", "/sdapi/v1/skip", "Ends the running batch with what it has", [&](Call& call) { give_order(service, call, Order::skip, Json()); }),
          route("GET", "/sdapi/v1/options", "Settings", [&](Call& call) { get_options(service, call); }),
          route("POST", "/sdapi/v1/options", "Changes any of the settings", [&](Call& call) { set_options(service, call); }, Body::json)};
}

}  // namespace imagent::server
