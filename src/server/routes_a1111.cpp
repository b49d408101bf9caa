// txt2img and img2img as the AUTOMATIC1111 web UI answers them (modules/api/api.py, modules/processing.py).
#include "server/routes_a1111.h"

#include <cmath>

#include "base/error.h"
#include "image/codec.h"
#include "image/infotext.h"
#include "pipeline/field.h"
#include "sampling/samplers.h"
#include "server/a1111_controls.h"
#include "server/base64.h"
#include "server/job_units.h"
#include "server/job_view.h"
#include "server/json_at.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

// Fields of the infotext that the body does not have itself.
static void add_infotext(nlohmann::json& body) {
  const std::string text = text_at(body, "infotext");
  if (text.empty()) return;
  const Infotext info = read_infotext(text);
  const auto add = [&](const char* key, const std::string* value) {
    if (value && !value->empty() && !present(body, key)) body[key] = *value;
  };
  add("prompt", &info.prompt);
  add("negative_prompt", &info.negative_prompt);
  for (const auto& [key, name] : {std::pair{"steps", "Steps"}, {"cfg_scale", "CFG scale"}, {"seed", "Seed"}, {"sampler_name", "Sampler"},
                                  {"scheduler", "Schedule type"}, {"width", "Size-1"}, {"height", "Size-2"}})
    add(key, info.find(name));
}

// sampler_name, else sampler_index; a name may end with its schedule, which "Automatic" does not undo.
static void read_sampler(Job& job, const nlohmann::json& body) {
  if (job.fields.count("sampler")) return;
  std::string name = text_at(body, "sampler_name"), schedule = text_at(body, "scheduler");
  if (name.empty()) name = text_at(body, "sampler_index");
  if (name.empty()) name = "Euler";
  try {
    const SamplerChoice choice = find_sampler(name);
    job.fields["sampler"] = choice.sampler->name;
    const bool automatic = schedule.empty() || lower_ascii(schedule) == "automatic";
    job.fields["scheduler"] = !automatic ? find_schedule(schedule).name : choice.schedule.empty() ? "automatic" : choice.schedule;
  } catch (const Error&) {
    throw HttpError{404, "not_found", "Sampler not found"};
  }
}

// Settings: of this request, else those that all clients share.
static void read_settings(Service& service, Job& job, const nlohmann::json& body) {
  static const nlohmann::json none = nlohmann::json::object();
  const nlohmann::json* given = present(body, "override_settings");
  const nlohmann::json& settings = given && given->is_object() ? *given : none;
  const auto setting = [&](const char* name) {
    const nlohmann::json* value = present(settings, name);
    return value ? (value->is_string() ? value->get<std::string>() : value->dump()) : option_text(service, name);
  };
  if (const std::string model = setting("sd_model_checkpoint"); !model.empty()) job.fields["model"] = model;
  if (const std::string vae = setting("sd_vae"); !vae.empty()) job.fields["vae"] = vae;
  const std::string clip_skip = setting("CLIP_stop_at_last_layers");
  if (!clip_skip.empty() && clip_skip != "1") job.fields["clip_skip"] = clip_skip;
  const std::string ensd = setting("eta_noise_seed_delta");
  if (!ensd.empty() && ensd != "0") job.fields["ensd"] = ensd;
  job.fields["rng"] = lower_ascii(setting("randn_source")) == "cpu" ? "cpu" : "cuda";  // "GPU" and "NV" are both CUDA's numbers
}

static void check_scripts(const nlohmann::json& body) {
  if (const std::string script = text_at(body, "script_name"); !script.empty() && script != "None")
    throw HttpError{422, "usage", str("Script '", script.substr(0, 60), "' not found")};
  const nlohmann::json* scripts = present(body, "alwayson_scripts");
  if (!scripts || !scripts->is_object()) return;
  for (const auto& [name, script] : scripts->items())
    if (lower_ascii(name) != "controlnet") throw HttpError{422, "usage", str("always on script ", name.substr(0, 60), " not found")};
}

static void read_images(Job& job, nlohmann::json& body) {
  const nlohmann::json* images = present(body, "init_images");
  if (!images || !images->is_array() || images->empty()) throw HttpError{404, "not_found", "Init image not found"};
  check(std::all_of(images->begin(), images->end(), [](const auto& image) { return image.is_string(); }), ErrorKind::usage, "init_images: should be pictures in Base64");
  job.inputs["init_image"] = images->front().get<std::string>();
  if (const size_t count = images->size(); count > 1) {  // each is drawn over once
    const nlohmann::json* batch = present(body, "batch_size");
    check(batch && batch->is_number_integer() && *batch >= count, ErrorKind::usage, "init_images: ", count, " pictures, at most batch_size are taken");
    for (size_t i = 0; i < count; ++i) job.inputs[init_image_input(i)] = (*images)[i].get<std::string>();
    body["batch_size"] = count;
  }
  const std::string mask = text_at(body, "mask");
  if (mask.empty()) return;
  Image picture = decode_image(base64_decode(mask, "mask"), {}, "mask");
  if (picture.channels == 4) {  // the web UI then looks at nothing but the alpha channel
    picture = alpha_of(picture);
    for (uint8_t& value : picture.pixels) value = value > 128 ? 255 : 0;
  }
  job.inputs["mask"] = base64_encode(encode_image(picture));
}

// What img2img has of its own, under the names and with the defaults of its API.
static void read_img2img(Job& job, nlohmann::json& body) {
  read_images(job, body);
  if (!present(body, "denoising_strength")) body["denoising_strength"] = 0.75;
  for (const char* side : {"mask_blur_x", "mask_blur_y"})
    if (const nlohmann::json* blur = present(body, side); blur && !present(body, "mask_blur")) body["mask_blur"] = *blur;
  if (const nlohmann::json* scale = present(body, "image_cfg_scale"); scale && *scale == 1.5) body.erase("image_cfg_scale");  // the default: clients send it to every model
  if (!job.inputs.count("mask")) {
    for (const char* key : {"inpainting_fill", "inpaint_full_res", "inpaint_full_res_padding", "inpainting_mask_invert"}) body.erase(key);  // sent all the same
    return;
  }
  for (const auto& [key, value] : {std::pair<const char*, nlohmann::json>{"inpainting_fill", 0}, {"inpaint_full_res", true}, {"inpaint_full_res_padding", 0}, {"mask_blur", 4}})
    if (!present(body, key)) body[key] = value;
}

// The hires pass of txt2img, whose strength goes by the name that img2img's has; without it clients send its settings too.
static void read_hires(nlohmann::json& body) {
  const bool wanted = truth_at(body, "enable_hr");
  const nlohmann::json strength = body.value("denoising_strength", nlohmann::json());
  for (const char* key : {"denoising_strength", "image_cfg_scale", "resize_mode"}) body.erase(key);  // of img2img
  if (!wanted) {
    for (const char* key : {"hr_scale", "hr_upscaler", "hr_second_pass_steps", "hr_sampler_name", "hr_scheduler", "hr_prompt", "hr_negative_prompt", "hr_resize_x", "hr_resize_y"}) body.erase(key);
    return;
  }
  if (const std::string other = text_at(body, "hr_checkpoint_name"); !other.empty() && !other.starts_with("Use same"))
    throw HttpError{501, "unsupported", "hr_checkpoint_name: the hires pass has the model of the first one in this version"};
  body["hires_strength"] = strength.is_null() ? nlohmann::json(0.75) : strength;
  if (!present(body, "hr_scale")) body["hr_scale"] = 2.0;
  if (!present(body, "hr_upscaler")) body["hr_upscaler"] = "Latent";
  for (const char* text : {"hr_prompt", "hr_negative_prompt", "hr_sampler_name", "hr_scheduler"})
    if (text_at(body, text).empty() || text_at(body, text).starts_with("Use same")) body.erase(text);
}

// The shared settings of live previews; what this server cannot do is shown in latents' colours.
static std::string preview_setting(Service& service) {
  const std::string every = option_text(service, "show_progress_every_n_steps"), type = option_text(service, "show_progress_type");
  if (every.empty() || every.starts_with("-") || every == "0" || option_text(service, "live_previews_enable") != "true") return "none";
  const bool tiny = type == "TAESD" && !service.catalog.places().taesd.empty();
  return str("every:", every, ":", tiny ? "taesd" : type == "Full" ? "vae" : "latent");
}

Job a1111_job(Service& service, const nlohmann::json& given, bool from_image) {
  nlohmann::json body = given;
  add_infotext(body);
  Job job;
  take_extra_args(service, job, body);
  check_scripts(body);
  read_sampler(job, body);
  read_settings(service, job, body);
  if (from_image) {
    read_img2img(job, body);
  } else {
    read_hires(body);
  }
  if (const nlohmann::json* count = present(body, "n_iter")) {
    check(count->is_number_integer(), ErrorKind::usage, "n_iter: should be a whole number");
    job.batches = static_cast<int>(std::clamp<int64_t>(count->get<int64_t>(), -1, 1 << 20));
  }
  // Names that mean something else here than in our other dialects, or nothing.
  for (const char* other : {"model", "size", "n", "quality", "preview", "init_images", "mask", "init_image", "refiner", "controls", "ip_adapters"}) body.erase(other);
  if (const nlohmann::json* seed = present(body, "seed"); seed && seed->is_number() && seed->get<double>() < 0) body.erase("seed");
  if (text_at(body, "refiner_checkpoint").empty() || text_at(body, "refiner_checkpoint") == "None") body.erase("refiner_checkpoint");
  read_fields(job, body);
  for (const auto& [field, value] : {std::pair{"prompt", ""}, {"negative_prompt", ""}, {"steps", "50"}, {"guidance_scale", "7"}, {"width", "512"}, {"height", "512"},
                                     {"compat", "a1111"}})
    set_default(job, field, value);
  job.fields["preview"] = preview_setting(service);
  read_controlnet(service, job, body);
  return job;
}

// What the picture was made with, as the web UI's Processed.js() writes it; clients parse it out of a string.
static Json info_of(const JobStatus& s) {
  Json seeds = Json::array(), subseeds = Json::array(), prompts = Json::array(), negatives = Json::array(), infotexts = Json::array();
  Infotext first;
  for (const Picture& p : s.result.pictures) {
    const Infotext text = read_infotext(p.parameters);
    long long subseed = 0;
    if (const std::string* variation = text.find("Variation seed")) parse_number(*variation, subseed);
    if (seeds.empty()) first = text;
    seeds.push_back(p.seed);
    subseeds.push_back(subseed);
    prompts.push_back(p.prompt);
    negatives.push_back(p.negative);
    infotexts.push_back(p.parameters);
  }
  const auto said = [&](const char* key) {
    const std::string* value = first.find(key);
    return value ? Json(*value) : Json();
  };
  const std::string sampler = used_field(s, "sampler"), styles = used_field(s, "styles");
  const auto number_or = [&](const char* name, int fallback) { return used_field(s, name).empty() ? nlohmann::json(fallback) : used_number(s, name); };
  Json style_list = Json::array();
  if (!styles.empty())
    for (const Given& style : list_texts({styles, "styles"})) style_list.push_back(style.text);
  return {{"prompt", used_field(s, "prompt")}, {"all_prompts", prompts}, {"negative_prompt", used_field(s, "negative_prompt")}, {"all_negative_prompts", negatives},
          {"seed", seeds.empty() ? Json(-1) : seeds.front()}, {"all_seeds", seeds}, {"subseed", subseeds.empty() ? Json(0) : subseeds.front()}, {"all_subseeds", subseeds},
          {"subseed_strength", number_or("variation_strength", 0)}, {"width", used_number(s, "width")},
          {"height", used_number(s, "height")}, {"sampler_name", sampler.empty() ? "Euler" : std::string(find_sampler(sampler).sampler->display)},
          {"cfg_scale", used_number(s, "guidance_scale")}, {"steps", used_number(s, "steps")}, {"batch_size", used_number(s, "batch", 1)}, {"restore_faces", false},
          {"face_restoration_model", nullptr}, {"sd_model_name", used_field(s, "model")}, {"sd_model_hash", said("Model hash")}, {"sd_vae_name", said("VAE")}, {"sd_vae_hash", said("VAE hash")},
          {"seed_resize_from_w", number_or("seed_resize_from_w", -1)}, {"seed_resize_from_h", number_or("seed_resize_from_h", -1)},
          {"denoising_strength", s.job.fields.count("strength") ? used_number(s, "strength") : nlohmann::json()},
          {"extra_generation_params", Json::object()}, {"index_of_first_image", 0}, {"infotexts", infotexts}, {"styles", style_list},
          {"job_timestamp", a1111_timestamp(s.started)}, {"clip_skip", used_number(s, "clip_skip", 1)},
          {"is_using_inpainting_conditioning", false}, {"version", a1111_version}};
}

static void answer_pictures(Service& service, Call& call, bool from_image) {
  nlohmann::json body = call.json();
  Job job = a1111_job(service, body, from_image);
  const std::vector<std::string> maps = detected_maps(service, job, body);
  Finished done = draw_now(service, call, std::move(job));
  done.images.insert(done.images.end(), maps.begin(), maps.end());
  const bool send = truth_at(body, "send_images", true);
  for (const char* picture : {"init_images", "mask"})
    if (!truth_at(body, "include_init_images") && body.contains(picture)) body[picture] = nullptr;
  call.reply(Json{{"images", send ? Json(done.images) : Json::array()}, {"parameters", Json(body)}, {"info", info_of(done.status).dump(-1, ' ', false, Json::error_handler_t::replace)}});
}

std::vector<Route> a1111_picture_routes(Service& service) {
  return {{.method = "POST", .path = "/sdapi/v1/txt2img", .dialect = Dialect::a1111, .summary = "Text to image",
           .handler = [&](Call& call) { answer_pictures(service, call, false); }, .body = Body::picture},
          {.method = "POST", .path = "/sdapi/v1/img2img", .dialect = Dialect::a1111, .summary = "Image to image, inpainting",
           .handler = [&](Call& call) { answer_pictures(service, call, true); }, .body = Body::picture}};
}

}  // namespace imagent::server
