// The web UI's hires fix: a picture is drawn small, enlarged, and drawn over at the larger size, where details fit.
// modules/processing.py: StableDiffusionProcessingTxt2Img.sample_hr_pass.
#pragma once
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "pipeline/draw_pass.h"
#include "pipeline/upscale.h"
#include "sampling/interpolate.h"

namespace imagent {

// Enlarging latents costs nothing but blurs: it wants a strength of 0.5 and more.
struct LatentUpscaler {
  std::string_view name, display;  // "latent_bicubic", "Latent (bicubic)"
  Interpolation mode;
  bool antialias = false;
};
std::span<const LatentUpscaler> latent_upscaler_list();
// By either spelling; nullptr when it is none.
const LatentUpscaler* find_latent_upscaler(std::string_view name);

// What a picture is enlarged to: the size of the second pass, or more in one direction, which is cut away when both sides of
// another shape are asked for. Multiples of 8.
Size hires_enlarged_size(const Request& request);

// The second pass as a request of its own, with its size, steps, strength, sampler and prompts; nothing without one.
// Errors: usage (a picture to start from, a size beyond what is allowed).
std::optional<Request> hires_request(const Request& request);

// What enlarges the picture; nullptr when the latents are enlarged. Errors: usage (unknown), those of make_upscaler().
std::unique_ptr<const Upscaler> hires_upscaler(const Request& request, const UpscalerOptions& options);

// A second pass as above.
struct HiresPass {
  const Request& request;
  const PassPrompts& prompts;
  const Upscaler* upscaler;
};
// The latents of the first pass -> those of the second.
std::vector<Latents> draw_hires(RunContext& c, const HiresPass& second, const std::vector<Latents>& first);

}  // namespace imagent
