// What runs now, stopping it, and the settings that clients read and write (modules/api/api.py: progressapi, interruptapi, ...).
#include <algorithm>
#include <ctime>

#include "base/error.h"
#include "hub/hash_cache.h"
#include "pipeline/field.h"
#include "server/job_view.h"
#include "server/json_at.h"
#include "server/routes_a1111.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

static std::vector<JobStatus> running_jobs(Service& service) {
  std::vector<JobStatus> jobs = service.queue.jobs({.state = JobState::running});
  std::erase_if(jobs, [](const JobStatus& status) { return status.job.dialect != "a1111"; });
  return jobs;
}

std::string a1111_timestamp(double seconds) {
  const auto whole = static_cast<std::time_t>(seconds);
  std::tm local{};
  localtime_r(&whole, &local);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y%m%d%H%M%S", &local));
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
  const int passes = s.progress.value("passes", used_field(s, "hires_scale").empty() && used_field(s, "hires_width").empty() && used_field(s, "hires_height").empty() ? 1 : 2);
  const double count = s.job.batches * passes, number = s.progress.value("batch", 0) * passes + s.progress.value("pass", 0), step = s.progress.value("step", 0), steps = s.progress.value("total", 0);
  const double done = std::min(1.0, 0.01 + number / count + (steps > 0 ? step / steps / count : 0));
  const double elapsed = now() - s.started;
  Json& state = body["state"];
  state["job"] = str("Batch ", s.progress.value("batch", 0) + 1, " out of ", s.job.batches);
  state["job_count"] = s.job.batches * passes;
  state["job_no"] = static_cast<int>(number);
  state["job_timestamp"] = a1111_timestamp(s.started);
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

// The settings with those that are given: what this server does not have is left alone, what it has must be of the same type.
static Json changed_options(const Json& values, const nlohmann::json& given) {
  Json changed = values;
  for (auto& [key, value] : changed.items()) {
    const auto found = given.find(key);
    if (found == given.end() || found->is_null()) continue;
    const bool same = (found->is_number() && value.is_number()) || found->type() == static_cast<nlohmann::json::value_t>(value.type());
    check(same, ErrorKind::usage, key, ": should be of the same type as ", value.dump());
    check(found->dump().size() < 4096, ErrorKind::usage, key, ": is too long");
    value = *found;
  }
  return changed;
}

struct Loading {
  std::atomic<int>& count;
  explicit Loading(std::atomic<int>& count) : count(count) { ++count; }
  ~Loading() { --count; }
};

// Loads the model and VAE that the settings name, unless that was done before.
static void load_chosen(Service& service, const Json& options, bool again) {
  Request request;
  const std::string vae = options.value("sd_vae", "");
  request.model = service.catalog.find(CatalogKind::model, options.value("sd_model_checkpoint", "")).path.string();
  if (!names_own_vae(vae)) request.vae = service.catalog.find(CatalogKind::vae, vae).path.string();
  const std::string wanted = str("model ", request.model, "\n", request.vae);
  {
    const std::lock_guard lock(service.options.mutex);
    if (!again && service.options.loaded == wanted) return;
  }
  work_for_caller(service, [&](const std::atomic<bool>& cancel) {
    const Loading loading(service.options.loading);
    service.load_model(request, cancel);
  });
  const std::lock_guard lock(service.options.mutex);
  service.options.loaded = wanted;
}

static Json options_now(Service& service) {
  const std::lock_guard lock(service.options.mutex);
  return service.options.values;
}

// Clients post the whole dictionary back. A model is loaded when the answer comes, and only then chosen.
static void set_options(Service& service, Call& call) {
  const nlohmann::json body = call.json();
  check_named(service, body, "sd_model_checkpoint", CatalogKind::model);
  if (!names_own_vae(text_at(body, "sd_vae"))) check_named(service, body, "sd_vae", CatalogKind::vae);
  const Json changed = changed_options(options_now(service), body);
  if (present(body, "sd_model_checkpoint") || present(body, "sd_vae")) load_chosen(service, changed, /*again=*/false);
  const std::lock_guard lock(service.options.mutex);
  service.options.values = changed_options(service.options.values, body);
  call.reply(Json());
}

static void reload(Service& service, Call& call) {
  load_chosen(service, options_now(service), /*again=*/true);
  call.reply(Json::object());
}

static void unload(Service& service, Call& call) {
  work_for_caller(service, [&](const std::atomic<bool>& cancel) { service.unload_models(cancel); });
  const std::lock_guard lock(service.options.mutex);
  service.options.loaded.clear();
  call.reply(Json::object());
}

static void get_options(Service& service, Call& call) {
  Json values = options_now(service);
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
          route("POST", "/sdapi/v1/reload-checkpoint", "Loads the chosen model", [&](Call& call) { reload(service, call); }),
          route("POST", "/sdapi/v1/unload-checkpoint", "Frees the memory of all models", [&](Call& call) { unload(service, call); }),
          route("POST", "/sdapi/v1/options", "Changes any of the settings; a model is loaded when this has answered", [&](Call& call) { set_options(service, call); }, Body::json)};
}

}  // namespace imagent::server
