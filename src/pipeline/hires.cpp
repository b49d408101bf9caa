// The second pass.
#include "pipeline/hires.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/str.h"
#include "pipeline/draw_pass.h"
#include "pipeline/run_vae.h"
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

constexpr int most_side = 8192;

int down_to_8(int64_t pixels) { return static_cast<int>(std::min<int64_t>(pixels, 1 << 20) / 8 * 8); }
int scaled(int pixels, float scale) { return down_to_8(static_cast<int>(static_cast<float>(pixels) * scale)); }

bool has_size(const Request& r) { return r.hires_width > 0 || r.hires_height > 0; }

// The middle of what was enlarged, as the web UI cuts latents (truncate_x, truncate_y).
Latents middle(const Latents& latents, Size pixels) {
  Latents out(latents.channels, pixels.height / 8, pixels.width / 8);
  if (out.size() == latents.size()) return latents;
  const int top = (latents.height - out.height) / 2, left = (latents.width - out.width) / 2;
  for (int c = 0; c < out.channels; ++c)
    for (int y = 0; y < out.height; ++y)
      std::copy_n(&latents.values[static_cast<size_t>((c * latents.height + top + y) * latents.width + left)], out.width,
                  &out.values[static_cast<size_t>((c * out.height + y) * out.width)]);
  return out;
}

Latents enlarged(const LatentUpscaler& upscaler, const Latents& latents, Size size) {
  return interpolate(latents, size.height / 8, size.width / 8, upscaler.mode, upscaler.antialias);
}

EncodedPicture enlarged(const Upscaler& upscaler, RunContext& c, const Latents& latents, Size size) {
  return encode_picture(c, upscaler(decode_picture(c, latents), size));
}

}  // namespace

std::span<const LatentUpscaler> latent_upscaler_list() { return latent_upscalers; }

const LatentUpscaler* find_latent_upscaler(std::string_view name) {
  for (const LatentUpscaler& upscaler : latent_upscalers)
    if (bare(upscaler.name) == bare(name)) return &upscaler;
  return nullptr;
}

// modules/processing.py: calculate_target_resolution.
Size hires_enlarged_size(const Request& r) {
  if (!has_size(r)) return {scaled(r.width, r.hires_scale), scaled(r.height, r.hires_scale)};
  const int64_t height_by_width = int64_t{r.hires_width} * r.height / r.width, width_by_height = int64_t{r.hires_height} * r.width / r.height;
  const bool by_width = r.hires_height == 0 || (r.hires_width > 0 && height_by_width >= r.hires_height);
  return by_width ? Size{r.hires_width, down_to_8(height_by_width)} : Size{down_to_8(width_by_height), r.hires_height};
}

std::optional<Request> hires_request(const Request& r) {
  if (!r.enable_hr || (r.hires_scale <= 1 && !has_size(r))) return std::nullopt;
  check(!r.init_image, ErrorKind::usage, "the hires pass goes on from a picture drawn from text; a given picture is enlarged by --width and --height");
  Request second = r;
  const Size size = hires_enlarged_size(r);
  check(size.width <= most_side && size.height <= most_side, ErrorKind::usage, "the hires pass would enlarge the picture to ", size.width, "x", size.height,
        " pixels before it is cut: at most ", most_side, " a side are possible");
  const bool cut = r.hires_width > 0 && r.hires_height > 0;
  second.width = cut ? r.hires_width : size.width;
  second.height = cut ? r.hires_height : size.height;
  if (r.hires_steps > 0) second.steps = r.hires_steps;
  second.strength = r.hires_strength;
  if (!r.hires_sampler.empty()) second.sampler = r.hires_sampler;
  if (!r.hires_scheduler.empty()) second.scheduler = r.hires_scheduler;
  if (r.hires_prompt) second.prompt = *r.hires_prompt;
  if (r.hires_negative) second.negative = r.hires_negative;
  validate(second);
  return second;
}

std::unique_ptr<const Upscaler> hires_upscaler(const Request& r, const UpscalerOptions& options) {
  if (find_latent_upscaler(r.hires_upscaler)) return nullptr;
  try {
    return make_upscaler(r.hires_upscaler, options);
  } catch (const Error& error) {
    if (error.kind != ErrorKind::usage) throw;
    std::vector<std::string> names;
    for (const LatentUpscaler& upscaler : latent_upscalers) names.emplace_back(upscaler.name);
    fail(ErrorKind::usage, error.text, "; for latents there are ", join(names, ", "));
  }
}

std::vector<Latents> draw_hires(RunContext& c, const HiresPass& second, const std::vector<Latents>& first) {
  c.phase("hires");
  c.pass = 1;
  const auto start = Clock::now();
  PassSource source;
  const Size size = hires_enlarged_size(c.request()), kept{second.request.width, second.request.height};
  for (const Latents& latents : first) {
    if (second.upscaler) {
      const EncodedPicture picture = enlarged(*second.upscaler, c, latents, size);
      source.pictures.push_back({middle(picture.mean, kept), middle(picture.deviation, kept), picture.scaling_factor});
    } else {
      source.latents.push_back(middle(enlarged(*find_latent_upscaler(second.request.hires_upscaler), latents, size), kept));
    }
  }
  c.run.timings.encode_s += seconds_since(start);
  c.base.backend().next_part();
  c.phase("denoise");
  return draw_pass(c, {.request = second.request, .prompts = second.prompts, .source = source, .does_all_steps = true});
}

}  // namespace imagent
