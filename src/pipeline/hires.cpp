// The second pass.
#include "pipeline/hires.h"

#include <array>
#include <cctype>

#include "base/str.h"
#include "pipeline/draw_pass.h"
#include "pipeline/preview.h"
#include "pipeline/request_fields.h"

namespace imagent {
namespace {

using enum Interpolation;
constexpr std::array<LatentUpscaler, 6> latent_upscalers = {{{"latent", "Latent", bilinear},
                                                             {"latent_antialiased", "Latent (antialiased)", bilinear, true},
                                                             {"latent_bicubic", "Latent (bicubic)", bicubic},
                                                             {"latent_bicubic_antialiased", "Latent (bicubic antialiased)", bicubic, true},
                                                             {"latent_nearest", "Latent (nearest)", nearest},
                                                             {"latent_nearest_exact", "Latent (nearest-exact)", nearest_exact}}};

// Letters and digits only: "Latent (nearest-exact)" is "latentnearestexact".
std::string bare(std::string_view name) {
  std::string out;
  for (const char c : lower_ascii(name))
    if (std::isalnum(static_cast<unsigned char>(c))) out += c;
  return out;
}

int scaled(int pixels, float scale) { return static_cast<int>(static_cast<float>(pixels) * scale) / 8 * 8; }

Latents enlarged(const LatentUpscaler& upscaler, const Latents& latents, const Request& second) {
  return interpolate(latents, second.height / 8, second.width / 8, upscaler.mode, upscaler.antialias);
}

EncodedPicture enlarged(const Upscaler& upscaler, RunContext& c, const Latents& latents, const Request& second) {
  LoadedModel& model = c.last_model();
  const Image small = decode_latents(model.vae_decoder(), model.vae_config(), model.compute(), latents, c.quantization());
  return encode_picture(c.base, upscaler(small, {second.width, second.height}));
}

}  // namespace

const LatentUpscaler* find_latent_upscaler(std::string_view name) {
  for (const LatentUpscaler& upscaler : latent_upscalers)
    if (bare(upscaler.name) == bare(name)) return &upscaler;
  return nullptr;
}

std::optional<Request> hires_request(const Request& r) {
  if (!r.enable_hr || r.hires_scale <= 1) return std::nullopt;
  check(!r.init_image, ErrorKind::usage, "the hires pass goes on from a picture drawn from text; a given picture is enlarged by --width and --height");
  Request second = r;
  second.width = scaled(r.width, r.hires_scale);
  second.height = scaled(r.height, r.hires_scale);
  if (r.hires_steps > 0) second.steps = r.hires_steps;
  second.strength = r.hires_strength;
  if (!r.hires_sampler.empty()) second.sampler = r.hires_sampler;
  if (!r.hires_scheduler.empty()) second.scheduler = r.hires_scheduler;
  if (r.hires_prompt) second.prompt = *r.hires_prompt;
  if (r.hires_negative) second.negative = r.hires_negative;
  validate(second);
  return second;
}

std::unique_ptr<const Upscaler> hires_upscaler(const Request& r, Backend& backend, DType compute) {
  if (find_latent_upscaler(r.hires_upscaler)) return nullptr;
  try {
    return make_upscaler(r.hires_upscaler, {.backend = &backend, .compute = compute});
  } catch (const Error& error) {
    if (error.kind != ErrorKind::usage) throw;
    std::vector<std::string> names;
    for (const LatentUpscaler& upscaler : latent_upscalers) names.emplace_back(upscaler.name);
    fail(ErrorKind::usage, error.text, "; for latents there are ", join(names, ", "));
  }
}

std::vector<Latents> draw_hires(RunContext& c, const Request& second, const Upscaler* upscaler, const std::vector<Latents>& first) {
  c.phase("hires");
  const auto start = Clock::now();
  PassSource source;
  for (const Latents& latents : first) {
    if (upscaler)
      source.pictures.push_back(enlarged(*upscaler, c, latents, second));
    else
      source.latents.push_back(enlarged(*find_latent_upscaler(second.hires_upscaler), latents, second));
  }
  c.run.timings.encode_s += seconds_since(start);
  c.base.backend().release_cached();
  c.phase("denoise");
  const int first_steps = c.request().steps;
  const EncodedPrompts prompts = encode_prompts(c.base, second, first_steps);
  std::optional<EncodedPrompts> refiner_prompts;
  if (c.refiner) refiner_prompts = encode_prompts(*c.refiner, second, first_steps);
  return draw_pass(c, {.request = second, .prompts = prompts, .refiner_prompts = refiner_prompts ? &*refiner_prompts : nullptr, .source = source, .does_all_steps = true});
}

}  // namespace imagent
