// Infotext -> fields. The keys are the web UI's (modules/infotext_utils.py); what they cannot carry stands in "imagent".
#include "pipeline/replay.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/str.h"
#include "base/version.h"
#include "pipeline/request_fields.h"

namespace imagent {
namespace {

struct KeyField {
  std::string_view key, field;
};
// Keys whose value is exactly that of a field.
constexpr std::array exact_keys = {
    KeyField{"Steps", "steps"},           KeyField{"CFG scale", "guidance_scale"},  KeyField{"Seed", "seed"},
    KeyField{"Size-1", "width"},          KeyField{"Size-2", "height"},             KeyField{"Clip skip", "clip_skip"},
    KeyField{"Eta", "eta"},               KeyField{"CFG Rescale", "guidance_rescale"}, KeyField{"Refiner switch at", "refiner_switch"},
    KeyField{"ENSD", "ensd"},             KeyField{"Variation seed", "variation_seed"}, KeyField{"Variation seed strength", "variation_strength"},
};
// Keys that name what the run chose, where an own picture's request may have left the choice to the model.
constexpr std::array choice_keys = {
    KeyField{"Sampler", "sampler"},           KeyField{"Schedule type", "scheduler"},         KeyField{"Hires upscale", "hires_scale"},
    KeyField{"Hires resize-1", "hires_width"}, KeyField{"Hires resize-2", "hires_height"},
    KeyField{"Hires steps", "hires_steps"},   KeyField{"Hires upscaler", "hires_upscaler"},   KeyField{"Hires sampler", "hires_sampler"},
    KeyField{"Hires prompt", "hires_prompt"}, KeyField{"Hires negative prompt", "hires_negative_prompt"},
    KeyField{"Mask blur", "mask_blur"},       KeyField{"Seed resize from-1", "seed_resize_from_w"}, KeyField{"Seed resize from-2", "seed_resize_from_h"},
};

constexpr std::string_view own_version = "imagent ";

bool among(std::string_view field, const auto& keys) {
  return std::any_of(keys.begin(), keys.end(), [&](const KeyField& known) { return known.field == field; });
}

void read_own_fields(Replay& replay, const std::string& text, const std::string& origin) {
  const nlohmann::json object = nlohmann::json::parse(text, nullptr, false);
  check(object.is_object(), ErrorKind::usage, origin, ": imagent: should be a JSON object");
  replay.device = object.contains("device") && object["device"].is_string() ? object["device"].get<std::string>() : "";
  std::vector<FieldInfo> recorded;
  for (FieldInfo& field : infos(request_fields()))
    if (field.recorded) recorded.push_back(std::move(field));
  add_json(replay.given, recorded, object, origin + ": imagent");
}

}  // namespace

Replay read_replay(const std::string& parameters, const std::string& origin) {
  Infotext info = read_infotext(parameters);
  check(!info.parameters.empty(), ErrorKind::usage, origin, " does not say how it was made: it holds no parameters text");
  const std::string* version = info.find("Version");
  Replay replay;
  if (version && version->starts_with(own_version)) replay.version = version->substr(own_version.size());
  const auto take = [&](std::string_view key, std::string_view field) {
    const std::string* value = info.find(key);
    if (value) replay.given[std::string(field)] = {*value, str(origin, ": ", key)};
  };
  replay.given["prompt"] = {info.prompt, origin + ": prompt"};
  if (!replay.own() || !info.negative_prompt.empty()) replay.given["negative_prompt"] = {info.negative_prompt, origin + ": negative prompt"};
  if (const std::string* own = replay.own() ? info.find("imagent") : nullptr) read_own_fields(replay, *own, origin);
  if (!replay.own()) {
    add_infotext_defaults(info);
    for (const KeyField& known : choice_keys) take(known.key, known.field);
    take("Denoising strength", info.find("Hires upscale") || info.find("Hires resize-1") ? "hires_strength" : "strength");
    if (const std::string* schedule = info.find("Schedule type"); schedule && *schedule == "Automatic") replay.given.erase("scheduler");
    replay.given["compat"] = {"a1111", origin};
  }
  for (const KeyField& known : exact_keys) take(known.key, known.field);
  take("Model", "model");
  take("Refiner", "refiner");
  const std::string* rng = info.find("RNG");
  replay.given["rng"] = {rng && *rng == "CPU" ? "cpu" : "cuda", origin + ": RNG"};
  const auto text_of = [&](std::string_view key) {
    const std::string* value = info.find(key);
    return value ? *value : "";
  };
  replay.model_hash = text_of("Model hash");
  replay.vae = text_of("VAE");
  replay.vae_hash = text_of("VAE hash");
  replay.init_image_hash = text_of("Init image hash");
  replay.mask_hash = text_of("Mask hash");
  replay.control = info.find("ControlNet 0") != nullptr;
  replay.ip_adapter = info.find("IP-Adapter 0") != nullptr;
  return replay;
}

// The files and pictures that a picture was made of, by their hashes where they are told.
static std::vector<std::string> other_ingredients(const Replay& replay, const Run& run) {
  std::vector<std::string> all;
  const auto compare = [&](const char* what, const std::string& was, const std::string& is) {
    if (!was.empty() && !is.empty() && was != is) all.push_back(str(what, " is another one: its hash is ", is, ", the picture's ", was));
  };
  compare("the model", replay.model_hash, run.model_hash);
  compare("the VAE", replay.vae_hash, run.vae_hash);
  compare("the picture to start from", replay.init_image_hash, run.init_image_hash);
  compare("the mask", replay.mask_hash, run.mask_hash);
  if (!replay.vae.empty() && run.request.vae.empty()) all.push_back(str("the picture had another VAE, ", replay.vae, ": name it with --vae"));
  if (replay.own() && replay.vae.empty() && !run.request.vae.empty()) all.push_back("the picture had the model's own VAE, without --vae");
  if (!replay.mask_hash.empty() && !run.request.mask) all.push_back("the picture had a mask: name it with --mask");
  if (replay.control && run.request.controls.empty()) all.push_back("the picture had ControlNets: name them with --control-net, and their pictures");
  if (replay.ip_adapter && run.request.ip_adapters.empty()) all.push_back("the picture had pictures as prompts: name their IP-Adapters with --ip-adapter, and the pictures");
  return all;
}

std::vector<std::string> differences(const Replay& replay, const Run& run) {
  std::vector<std::string> all = other_ingredients(replay, run);
  if (!replay.own()) return all.push_back("the picture was drawn by another program"), all;
  if (replay.version != version) all.push_back(str("the picture was drawn by imagent ", replay.version, ", this is ", version));
  if (!replay.device.empty() && replay.device != run.device)
    all.push_back(str("the picture was drawn on ", replay.device, ", this is ", run.device, ": the last bits may differ"));
  return all;
}

std::string own_fields(Request request, const std::string& device) {
  for (LoraRequest& lora : request.loras) lora.name = std::filesystem::path(lora.name).filename().string();  // not where it lies
  nlohmann::ordered_json object = {{"device", device}};
  const Request defaults;
  for (const Field<Request>& field : request_fields()) {
    const std::string_view name = field.info.name;
    if (!field.info.recorded || among(name, exact_keys) || name == "prompt" || name == "negative_prompt" || name == "rng") continue;
    const std::string text = field.rule.get(request);
    if (!text.empty() && text != field.rule.get(defaults)) object[field.info.name] = text;
  }
  if (request.negative && request.negative->empty()) object["negative_prompt"] = "";  // not the same as none for SDXL
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace imagent
