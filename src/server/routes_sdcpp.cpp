// stable-diffusion.cpp's own API (examples/server/README.md there): capabilities, queued jobs, polling, cancelling.
#include <algorithm>

#include "base/error.h"
#include "pipeline/hires.h"
#include "sampling/samplers.h"
#include "server/job_view.h"
#include "server/service.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

constexpr double keeps_jobs_s = 600;

static const nlohmann::json* member(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

// A wish that this server cannot grant is refused; null, false, 0 and empty ones are no wishes.
static void refuse_present(const nlohmann::json& body, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const nlohmann::json* value = member(body, key);
    if (!value || value->empty() || *value == false || *value == 0 || *value == "" || *value == "none" || *value == "disabled") continue;
    throw HttpError{501, "unsupported", str(key, ": is not in this version")};
  }
}

static std::string image_at(const nlohmann::json& value, const char* key) {
  if (value.is_string()) return value.get<std::string>();
  check(value.is_object() && value.contains("data") && value["data"].is_string(), ErrorKind::usage, key, ": should be a picture in Base64");
  return value["data"].get<std::string>();
}

// The second pass under the names of our field table; one that is switched off is none.
static void read_hires(nlohmann::json& flat) {
  const nlohmann::json hires = flat.value("hires", nlohmann::json());
  flat.erase("hires");
  if (!hires.is_object() || !hires.value("enabled", false)) return;
  refuse_present(hires, {"custom_sigmas"});
  for (const auto& [key, field] : {std::pair{"scale", "hires_scale"}, {"target_width", "hires_width"}, {"target_height", "hires_height"}, {"steps", "hires_steps"},
                                   {"denoising_strength", "hires_strength"}, {"upscaler", "hires_upscaler"}})
    if (const auto* value = member(hires, key); value && *value != 0) flat[field] = *value;
  if (!member(flat, "hires_scale")) flat["hires_scale"] = 2.0;
}

// Flattened: what nests in sample_params stands beside the rest, under the names of our field table.
static void read_fields_of(const Service& service, Job& job, const nlohmann::json& body) {
  nlohmann::json flat = body;
  if (const auto* sample = member(body, "sample_params"); sample && sample->is_object()) {
    for (const auto& [key, value] : sample->items()) flat[key] = value;
    if (const auto* guidance = member(*sample, "guidance"); guidance && guidance->is_object()) {
      flat.erase("guidance");
      if (const auto* scale = member(*guidance, "txt_cfg")) flat["guidance_scale"] = *scale;
    }
  }
  refuse_present(flat, {"custom_sigmas", "shifted_timestep", "ref_images", "control_image", "ip_adapter_image", "cache_mode"});
  if (const auto* schedule = member(flat, "scheduler"); schedule && *schedule == "discrete") flat.erase("scheduler");  // the model's own
  if (const auto* skip = member(flat, "clip_skip"); skip && skip->is_number() && *skip < 1) flat.erase("clip_skip");
  read_hires(flat);
  if (const auto* tiling = member(flat, "vae_tiling_params"); tiling && tiling->is_object() && tiling->value("enabled", false)) flat["vae_tiling"] = true;
  if (const auto* loras = member(flat, "lora"); loras && loras->is_array())
    for (const nlohmann::json& lora : *loras) {
      check(lora.is_object() && lora.contains("path") && lora["path"].is_string(), ErrorKind::usage, "lora: should be a list of {\"path\", \"multiplier\"}");
      add_lora(job, service.catalog, lora["path"].get<std::string>(), lora.value("multiplier", 1.0));
    }
  for (const auto& [key, field] : {std::pair{"init_image", "init_image"}, {"mask_image", "mask"}})
    if (const auto* image = member(flat, key); image && *image != "") job.inputs[field] = image_at(*image, key);
  if (const auto* count = member(flat, "batch_count")) {
    check(count->is_number_integer() && *count >= 1 && *count <= 8, ErrorKind::usage, "batch_count: should be a whole number from 1 to 8");
    job.batches = count->get<int>();
  }
  if (const auto* format = member(flat, "output_format"); format && format->is_string() && *format != "png") job.format = *format == "jpg" ? "jpeg" : format->get<std::string>();
  check(job.format == "png" || job.format == "jpeg" || job.format == "webp", ErrorKind::usage, "output_format: should be png, jpeg or webp");
  if (const auto* compression = member(flat, "output_compression")) {
    check(compression->is_number_integer() && *compression >= 0 && *compression <= 100, ErrorKind::usage, "output_compression: should be a whole number from 0 to 100");
    job.quality = compression->get<int>();
  }
  if (const auto* metadata = member(flat, "embed_image_metadata"); metadata && *metadata == false) job.metadata = false;
  for (const char* other : {"init_image", "mask_image", "lora", "size", "n", "quality", "preview", "model_config", "refiner"}) flat.erase(other);
  read_fields(job, flat);
  if (const auto seed = job.fields.find("seed"); seed != job.fields.end() && seed->second.starts_with("-")) job.fields.erase(seed);
}

static Job read_job(const Service& service, const nlohmann::json& body) {
  Job job;
  read_fields_of(service, job, body);
  for (const auto& [field, value] : {std::pair{"width", "512"}, {"height", "512"}, {"steps", "20"}, {"guidance_scale", "7"}}) set_default(job, field, value);
  if (job.inputs.count("init_image")) set_default(job, "strength", "0.75");
  return job;
}

void take_extra_args(const Service& service, Job& job, nlohmann::json& body) {
  constexpr std::string_view begin = "<sd_cpp_extra_args>", end = "</sd_cpp_extra_args>";
  const auto* given = member(body, "prompt");
  if (!given || !given->is_string()) return;
  std::string prompt = given->get<std::string>();
  const size_t from = prompt.find(begin), to = prompt.find(end, from == prompt.npos ? from : from + begin.size());
  if (from == prompt.npos || to == prompt.npos) return;
  nlohmann::json extra = json_object(prompt.substr(from + begin.size(), to - from - begin.size()), "sd_cpp_extra_args");
  extra.erase("prompt");
  read_fields_of(service, job, extra);
  body["prompt"] = std::string(trim(prompt.erase(from, to + end.size() - from)));
}

static const char* state_of(JobState state) { return state == JobState::running ? "generating" : name_of(state); }

static Json view(Service& service, const JobStatus& s) {
  const auto seconds = [](double time) { return time > 0 ? Json(static_cast<int64_t>(time)) : Json(); };
  Json view = {{"id", s.job.id}, {"kind", "img_gen"}, {"status", state_of(s.state)}, {"created", seconds(s.created)}, {"started", seconds(s.started)},
               {"completed", seconds(s.finished)}, {"queue_position", s.position}, {"progress", Json(s.progress)}, {"result", nullptr}, {"error", nullptr}};
  if (s.state == JobState::completed) {
    Json images = Json::array();
    for (const std::string& image : images_of(service, s)) images.push_back({{"index", images.size()}, {"b64_json", image}});
    view["result"] = {{"images", images}, {"output_format", s.job.format}};
  }
  if (s.state == JobState::failed) view["error"] = {{"code", s.result.error_kind}, {"message", s.result.error}};
  if (s.state == JobState::cancelled) view["error"] = {{"code", "cancelled"}, {"message", "the job was cancelled"}};
  return view;
}

static JobStatus find_job(Service& service, const std::string& id) {
  const std::optional<JobStatus> status = service.queue.status(id);
  if (!status || status->job.dialect != "sdcpp") throw HttpError{404, "not_found", "there is no such job"};
  if (status->finished > 0 && now() - status->finished > keeps_jobs_s) throw HttpError{410, "gone", str("the job ended more than ", keeps_jobs_s, " seconds ago")};
  return *status;
}

static void start_job(Service& service, Call& call) {
  const std::string id = submit(service, call, read_job(service, call.json()));
  call.reply(Json{{"id", id}, {"kind", "img_gen"}, {"status", "queued"}, {"created", static_cast<int64_t>(now())}, {"poll_url", "/sdcpp/v1/jobs/" + id}}, 202);
}

static void cancel_job(Service& service, Call& call) {
  const JobStatus status = find_job(service, call.path.at("id"));
  if (!service.queue.cancel({status.job.id})) throw HttpError{409, "conflict", "the job has ended"};
  call.reply(view(service, find_job(service, status.job.id)));
}

static void capabilities(Service& service, Call& call) {
  Json sampler_names = Json::array(), schedule_names = Json::array(), loras = Json::array(), upscalers = Json::array();
  for (const SamplerEntry& entry : samplers()) sampler_names.push_back(entry.name);
  for (const ScheduleEntry& entry : schedules()) schedule_names.push_back(entry.name);
  for (const CatalogEntry& entry : service.catalog.list(CatalogKind::lora)) loras.push_back({{"name", entry.name}, {"path", entry.file_name}});
  for (const LatentUpscaler& entry : latent_upscaler_list()) upscalers.push_back({{"name", entry.display}});
  for (const std::string& name : service.upscaling.names()) upscalers.push_back({{"name", name}});
  const Json sample = {{"scheduler", "discrete"}, {"sample_method", "euler"}, {"sample_steps", 20}, {"eta", nullptr}, {"guidance", {{"txt_cfg", 7.0}, {"img_cfg", nullptr}}}};
  const Json hires = {{"enabled", false}, {"upscaler", "Latent"}, {"scale", 2.0}, {"target_width", 0}, {"target_height", 0}, {"steps", 0}, {"denoising_strength", 0.7}};
  const Json defaults = {{"prompt", ""}, {"negative_prompt", ""}, {"clip_skip", -1}, {"width", 512}, {"height", 512}, {"strength", 0.75}, {"seed", -1}, {"batch_count", 1},
                         {"sample_params", sample}, {"hires", hires}, {"vae_tiling_params", {{"enabled", false}}}, {"cache_mode", "disabled"}, {"output_format", "png"}, {"output_compression", 100}};
  const Json formats = {"png", "jpeg", "webp"};
  const Json features = {{"init_image", true}, {"mask_image", true}, {"control_image", false}, {"ip_adapter_image", false}, {"ref_images", false}, {"lora", true}, {"vae_tiling", true},
                         {"hires", true}, {"cache", false}, {"cancel_queued", true}, {"cancel_generating", true}};
  const Json limits = {{"min_width", 64}, {"max_width", 4096}, {"min_height", 64}, {"max_height", 4096}, {"max_batch_count", 8}, {"max_queue_size", service.max_waiting},
                       {"max_pixels", service.limits.max_pixels}};
  call.reply(Json{{"model", {{"name", builtin_name}, {"stem", builtin_name}, {"path", builtin_name}}}, {"current_mode", "img_gen"}, {"supported_modes", {"img_gen"}},
                  {"defaults", defaults}, {"output_formats", formats}, {"features", features}, {"defaults_by_mode", {{"img_gen", defaults}}},
                  {"output_formats_by_mode", {{"img_gen", formats}}}, {"features_by_mode", {{"img_gen", features}}}, {"samplers", sampler_names}, {"schedulers", schedule_names},
                  {"loras", loras}, {"upscalers", upscalers}, {"limits", limits}});
}

std::vector<Route> sdcpp_routes(Service& service) {
  const auto route = [](const char* method, const char* path, const char* summary, Handler handler, Body body = Body::none) {
    return Route{.method = method, .path = path, .dialect = Dialect::sdcpp, .summary = summary, .handler = std::move(handler), .body = body};
  };
  return {route("GET", "/sdcpp/v1/capabilities", "What the server can do", [&](Call& call) { capabilities(service, call); }),
          route("POST", "/sdcpp/v1/img_gen", "Queues a picture", [&](Call& call) { start_job(service, call); }, Body::json),
          route("GET", "/sdcpp/v1/jobs/{id}", "A job; 410 ten minutes after its end", [&](Call& call) { call.reply(view(service, find_job(service, call.path.at("id")))); }),
          route("POST", "/sdcpp/v1/jobs/{id}/cancel", "Cancels a job", [&](Call& call) { cancel_job(service, call); })};
}

}  // namespace imagent::server
