// imagent's own dialect, the calls that answer with the picture: POST /txt2img and /img2img.
#include "server/routes_own.h"

#include "base/error.h"
#include "server/job_view.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

// Sizes and steps of 0 are the model's own.
static void check_limits(const Request& r) {
  check(!trim(r.prompt).empty(), ErrorKind::usage, "prompt: should not be empty");
  check(r.steps >= 0 && r.steps <= 150, ErrorKind::usage, "steps ", r.steps, ": should be a whole number from 1 to 150");
  const float guidance = r.guidance_scale.value_or(0);
  check(guidance >= 0 && guidance <= 30, ErrorKind::usage, "guidance ", guidance, ": should be a number from 0 to 30");
  check(r.width == 0 || (r.width >= 64 && r.width <= 2048), ErrorKind::usage, "width ", r.width, ": should be a multiple of 8 from 64 to 2048");
  check(r.height == 0 || (r.height >= 64 && r.height <= 2048), ErrorKind::usage, "height ", r.height, ": should be a multiple of 8 from 64 to 2048");
}

static void read_preview(Job& job, const Catalog& catalog, const nlohmann::json& body) {
  const auto every = body.find("preview_every"), method = body.find("preview_method");
  const bool tiny = !catalog.places().taesd.empty();
  const std::string kind = method == body.end() || !method->is_string() ? (tiny ? "taesd" : "latent") : method->get<std::string>();
  check(tiny || kind != "taesd", ErrorKind::usage, "preview_method: taesd: this server has no tiny autoencoder (--taesd)");
  const std::string steps = every == body.end() || every->is_null() ? "5" : every->dump();
  job.fields["preview"] = steps == "0" || kind == "none" ? "none" : str("every:", steps, ":", kind);
}

// Pictures under the names that the operations give them.
static void read_inputs(Job& job, const nlohmann::json& body) {
  for (const auto& [key, field] : {std::pair{"image", "init_image"}, {"input_image", "init_image"}, {"init_image", "init_image"}, {"mask_image", "mask"}, {"mask", "mask"}}) {
    const auto found = body.find(key);
    if (found == body.end() || found->is_null()) continue;
    check(found->is_string(), ErrorKind::usage, key, ": should be a picture in Base64");
    job.inputs[field] = found->get<std::string>();
  }
}

static void read_loras(Job& job, const Catalog& catalog, const nlohmann::json& body) {
  const auto loras = body.find("loras");
  if (loras == body.end() || loras->is_null()) return;
  check(loras->is_array(), ErrorKind::usage, "loras: should be a list of {\"path\", \"strength\"}");
  for (const nlohmann::json& lora : *loras) {
    const bool good = lora.is_object() && lora.contains("path") && lora["path"].is_string() && (!lora.contains("strength") || lora["strength"].is_number());
    check(good, ErrorKind::usage, "loras: should be a list of {\"path\", \"strength\"}");
    add_lora(job, catalog, lora["path"].get<std::string>(), lora.value("strength", 1.0));
  }
}

static void check_operation(const Job& job, const nlohmann::json& body) {
  const auto found = body.find("operation");
  if (found == body.end() || found->is_null()) return;
  std::string name;
  for (const char c : found->is_string() ? found->get<std::string>() : "")
    if (c != '_') name += c;
  name = lower_ascii(name);
  const bool image = job.inputs.count("init_image"), mask = job.inputs.count("mask");
  if (name == "imagegeneration") return;
  check(name == "imagetransform" || name == "imageinpaint", ErrorKind::usage, "operation: should be image_generation, image_transform or image_inpaint");
  check(image, ErrorKind::usage, name == "imageinpaint" ? "init_image" : "input_image", ": is missing");
  check(mask || name == "imagetransform", ErrorKind::usage, "mask_image: is missing");
}

// "defaults": "model" leaves open fields to the model, where this dialect has numbers of its own.
static bool takes_model_defaults(const nlohmann::json& body) {
  const auto found = body.find("defaults");
  if (found == body.end() || found->is_null()) return false;
  check(*found == "model" || *found == "api", ErrorKind::usage, "defaults: should be api or model");
  return *found == "model";
}

Job own_job(const Service& service, const nlohmann::json& body, const OwnDefaults& defaults) {
  Job job;
  nlohmann::json flat = body;
  for (const char* picture : {"image", "input_image", "init_image", "mask_image", "mask", "loras"}) flat.erase(picture);
  read_fields(job, flat);
  read_inputs(job, body);
  check_operation(job, body);
  read_loras(job, service.catalog, body);
  if (!takes_model_defaults(body)) {
    for (const auto& [field, value] : {std::pair{"width", "512"}, {"height", "512"}, {"guidance_scale", "7.5"}}) set_default(job, field, value);
    set_default(job, "steps", std::to_string(defaults.steps));
  }
  if (job.inputs.count("init_image")) set_default(job, "strength", str(defaults.strength));
  if (const auto seed = job.fields.find("seed"); seed != job.fields.end() && seed->second.starts_with("-")) job.fields.erase(seed);
  read_preview(job, service.catalog, body);
  if (const auto batches = body.find("batches"); batches != body.end() && !batches->is_null()) {
    check(batches->is_number_integer() && *batches >= 1 && *batches <= 1000, ErrorKind::usage, "batches: should be a whole number from 1");
    job.batches = batches->get<int>();
  }
  if (const auto priority = body.find("priority"); priority != body.end() && priority->is_number_integer()) job.priority = priority->get<int>();
  check_limits(request_of(job, service.catalog));
  return job;
}

static void answer_now(Service& service, Call& call, const OwnDefaults& defaults, bool needs_image) {
  Job job = own_job(service, call.json(), defaults);
  check(!needs_image || job.inputs.count("init_image"), ErrorKind::usage, "image: is missing");
  const Finished done = draw_now(service, call, std::move(job));
  const JobStatus& s = done.status;
  call.reply(Json{{"images", done.images},
                  {"info",
                   {{"prompt", used_field(s, "prompt")},
                    {"width", used_number(s, "width")},
                    {"height", used_number(s, "height")},
                    {"steps", used_number(s, "steps")},
                    {"guidance", used_number(s, "guidance_scale")},
                    {"seed", s.result.pictures.empty() ? 0 : s.result.pictures.front().seed},
                    {"time_taken", s.finished - s.started}}}});
}

std::vector<Route> own_routes(Service& service) {
  return {{.method = "POST", .path = "/txt2img", .summary = "Draws a picture and answers with it",
           .handler = [&](Call& call) { answer_now(service, call, {.steps = 25}, false); }, .body = Body::picture},
          {.method = "POST", .path = "/img2img", .summary = "Draws a picture over another one (image, Base64) and answers with it",
           .handler = [&](Call& call) { answer_now(service, call, {.steps = 25, .strength = 0.75}, true); }, .body = Body::picture}};
}

}  // namespace imagent::server
