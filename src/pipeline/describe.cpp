// Writing down how a picture was made.
#include "pipeline/describe.h"

#include <algorithm>
#include <charconv>

#include "base/version.h"
#include "image/canny.h"
#include "image/infotext.h"
#include "pipeline/find_parts.h"
#include "pipeline/picture_start.h"
#include "pipeline/replay.h"
#include "sampling/samplers.h"

namespace imagent {

static std::string decimal(double value) {
  char digits[48];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, static_cast<float>(value)).ptr);  // the shortest that reads back as the same
}

// "name: hash, name: hash", as the web UI writes it: what separates is taken out of the names.
static std::string hash_list(const std::vector<std::pair<std::string, std::string>>& hashes) {
  std::vector<std::string> texts;
  for (auto [name, hash] : hashes) {
    std::erase_if(name, [](char c) { return c == ':' || c == ','; });
    const std::string text = str(name, ": ", hash);
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
  }
  return join(texts, ", ");
}

static void describe_seeds(const Run& run, int index, Infotext& info) {
  const Request& r = run.request;
  if (r.variation_strength > 0) {
    info.set("Variation seed", std::to_string(seed_of(r, index).variation));
    info.set("Variation seed strength", decimal(r.variation_strength));
  }
  if (r.seed_resize_width > 0 && r.seed_resize_height > 0) info.set("Seed resize from", str(r.seed_resize_width, "x", r.seed_resize_height));
}

static void describe_pictures(const Run& run, Infotext& info) {
  const Request& r = run.request;
  if (!r.init_image) return;
  if (!run.init_image_hash.empty()) info.set("Init image hash", run.init_image_hash);
  if (!run.mask_hash.empty()) info.set("Mask hash", run.mask_hash);
  if (r.outpaint.any()) info.set("Outpaint", str(r.outpaint.left, " ", r.outpaint.top, " ", r.outpaint.right, " ", r.outpaint.bottom));
  if (!r.mask && !r.outpaint.any()) return;
  if (r.mask_invert) info.set("Mask mode", "Inpaint not masked");
  if (r.compat != Compat::diffusers && r.mask_blur > 0) info.set("Mask blur", std::to_string(r.mask_blur));
  if (r.only_masked) {
    info.set("Inpaint area", "Only masked");
    info.set("Masked area padding", std::to_string(r.only_masked_padding));
  }
  switch (r.inpainting_fill) {
    case InpaintFill::fill: info.set("Masked content", "fill"); break;
    case InpaintFill::latent_noise: info.set("Masked content", "latent noise"); break;
    case InpaintFill::latent_nothing: info.set("Masked content", "latent nothing"); break;
    case InpaintFill::original: break;
  }
}

static void describe_hires(const Run& run, Infotext& info) {
  const Request& r = run.request;
  if (run.hires_upscaler.empty()) return;
  if (r.hires_width > 0 || r.hires_height > 0)
    info.set("Hires resize", str(r.hires_width, "x", r.hires_height));
  else
    info.set("Hires upscale", decimal(r.hires_scale));
  if (r.hires_steps > 0) info.set("Hires steps", std::to_string(r.hires_steps));
  info.set("Hires upscaler", run.hires_upscaler);
  if (!r.hires_sampler.empty()) info.set("Hires sampler", std::string(find_sampler(r.hires_sampler).sampler->display));
  if (!r.hires_scheduler.empty()) info.set("Hires schedule type", std::string(find_schedule(r.hires_scheduler).display));
  if (r.hires_prompt && *r.hires_prompt != r.prompt) info.set("Hires prompt", *r.hires_prompt);
  if (r.hires_negative && r.hires_negative != r.negative) info.set("Hires negative prompt", *r.hires_negative);
}

// The strength of the run from a picture, or of its hires pass; nothing for any other.
static std::optional<double> strength_of(const Run& run) {
  if (!run.hires_upscaler.empty()) return run.request.hires_strength;
  return run.request.init_image ? run.request.strength : std::nullopt;
}

// As A1111's ControlNet extension writes a unit.
static std::string describe_control(const ControlUnit& unit) {
  std::string text = str("Module: ", unit.preprocess == Preprocessor::canny ? "canny" : "none", ", Model: ", std::filesystem::path(part_name(unit.model)).stem().string(),
                         ", Weight: ", decimal(unit.strength), ", Resize Mode: Just Resize");
  if (unit.preprocess == Preprocessor::canny) text += str(", Threshold A: ", CannyThresholds{}.low, ", Threshold B: ", CannyThresholds{}.high);
  return text + str(", Guidance Start: ", decimal(unit.start), ", Guidance End: ", decimal(unit.end), ", Pixel Perfect: True, Control Mode: ",
                    unit.mode == ControlMode::control ? "ControlNet is more important" : unit.mode == ControlMode::prompt ? "My prompt is more important" : "Balanced");
}

static std::string describe_ip_adapter(const IpAdapterUnit& unit) {
  return str("Model: ", std::filesystem::path(unit.model).stem().string(), ", Weight: ", decimal(unit.strength), ", Guidance Start: ", decimal(unit.start),
             ", Guidance End: ", decimal(unit.end));
}

std::string describe(const Run& run, int index) {
  const Request& r = run.request;
  Infotext info;
  info.prompt = r.prompt;
  info.negative_prompt = r.negative.value_or("");
  info.set("Steps", std::to_string(r.steps));
  info.set("Sampler", std::string(find_sampler(run.sampler).sampler->display));
  if (!run.scheduler.empty()) info.set("Schedule type", std::string(find_schedule(run.scheduler).display));
  info.set("CFG scale", decimal(*r.guidance_scale));
  if (r.image_guidance) info.set("Image CFG scale", decimal(*r.image_guidance));
  info.set("Seed", std::to_string(run.results[static_cast<size_t>(index)].seed));
  info.set("Size", str(r.width, "x", r.height));
  if (!run.model_hash.empty()) info.set("Model hash", run.model_hash);
  info.set("Model", run.model_name);
  if (!run.vae_hash.empty()) info.set("VAE hash", run.vae_hash);
  if (!r.vae.empty()) info.set("VAE", part_name(r.vae));
  if (r.tiling) info.set("Tiling", "True");
  describe_seeds(run, index, info);
  if (const auto strength = strength_of(run)) info.set("Denoising strength", decimal(*strength));
  if (r.clip_skip > 1) info.set("Clip skip", std::to_string(r.clip_skip));
  if (r.rng == GeneratorKind::cpu) info.set("RNG", "CPU");
  if (r.ensd != 0 && find_sampler(run.sampler).sampler->uses_ensd) info.set("ENSD", std::to_string(r.ensd));
  if (r.eta) info.set("Eta", decimal(*r.eta));
  if (r.guidance_rescale > 0) info.set("CFG Rescale", decimal(r.guidance_rescale));
  if (r.guidance_start > 0) info.set("Guidance start", decimal(r.guidance_start));
  if (r.guidance_end < 1) info.set("Guidance end", decimal(r.guidance_end));
  describe_pictures(run, info);
  describe_hires(run, info);
  if (!r.refiner.empty()) {
    info.set("Refiner", std::filesystem::path(r.refiner).filename().string());
    info.set("Refiner switch at", decimal(r.refiner_switch));
  }
  if (!run.lora_hashes.empty()) info.set("Lora hashes", hash_list(run.lora_hashes));
  if (!run.embedding_hashes.empty()) info.set("TI hashes", hash_list(run.embedding_hashes));
  if (r.freeu) {  // as Forge writes it
    info.set("freeu_enabled", "True");
    for (const auto& [name, scale] : {std::pair{"freeu_b1", r.freeu.b1}, {"freeu_b2", r.freeu.b2}, {"freeu_s1", r.freeu.s1}, {"freeu_s2", r.freeu.s2}})
      info.set(name, decimal(scale));
  }
  for (size_t i = 0; i < r.controls.size(); ++i) info.set(str("ControlNet ", i), describe_control(r.controls[i]));
  for (size_t i = 0; i < r.ip_adapters.size(); ++i) info.set(str("IP-Adapter ", i), describe_ip_adapter(r.ip_adapters[i]));
  info.set("imagent", own_fields(r, run.device));
  info.set("Version", str("imagent ", version));
  return write_infotext(info);
}

}  // namespace imagent
