// Starting latents. The order of the draws is that of diffusers' pipelines: the picture, the noise, the masked picture.
#include "pipeline/picture_start.h"

#include <algorithm>

#include "sampling/interpolate.h"

namespace imagent {

ImageSeed seed_of(const Request& r, int index) { return {r.variation_strength > 0 ? r.seed : r.seed + index, r.variation_seed + index}; }

static ImageNoiseOptions noise_options(const Request& r, bool uses_ensd, int index) {
  const ImageSeed seed = seed_of(r, index);
  return {.kind = r.rng,
          .seed = static_cast<uint64_t>(seed.seed),
          .variation_seed = static_cast<uint64_t>(seed.variation),
          .variation_strength = r.variation_strength,
          .resize_from_height = r.seed_resize_height,
          .resize_from_width = r.seed_resize_width,
          .seed_delta = uses_ensd ? r.ensd : 0};
}

PictureStart::PictureStart(const Request& r, LoadedModel& model, bool uses_ensd, int index)
    : request_(r), model_(model), index_(static_cast<size_t>(index)), seed_(seed_of(r, index).seed),
      noise_(noise_options(r, uses_ensd, index), model.vae_config().latent_channels, r.height / 8, r.width / 8) {}

// The web UI draws nothing for the encoder, whose deviation is far below anything visible.
Latents PictureStart::drawn(const EncodedPicture& picture) {
  return request_.compat == Compat::a1111 ? picture.mode() : picture.sample(noise_);
}

// What A1111 calls masked content, as far as it is put into latents.
void PictureStart::fill(const Latents& mask, Latents& picture) const {
  const InpaintFill kind = request_.inpainting_fill;
  if (mask.values.empty() || kind == InpaintFill::fill || kind == InpaintFill::original) return;
  Latents content(picture.channels, picture.height, picture.width);
  if (kind == InpaintFill::latent_noise) make_generator(request_.rng, static_cast<uint64_t>(seed_))->normal(content.values);
  for (size_t i = 0; i < picture.size(); ++i)
    if (mask.values[i % mask.size()] > 0) picture.values[i] = content.values[i];
}

Latents PictureStart::picture(const PassSource& source) {
  if (!source.latents.empty()) return source.latents[index_];
  Latents picture = drawn(source.pictures.size() > 1 ? source.pictures[index_] : source.pictures[0]);
  if (picture.height != request_.height / 8 || picture.width != request_.width / 8)  // A1111's "just resize (latent upscale)"
    picture = interpolate(picture, request_.height / 8, request_.width / 8, Interpolation::bilinear);
  fill(source.mask, picture);
  return picture;
}

Latents PictureStart::latents(const PassSource& source, const SamplingPlan& plan, PictureInputs& inputs) {
  const UNetInput kind = model_.unet_input();
  const bool masked = !source.mask.values.empty(), webui = request_.compat == Compat::a1111;
  const bool from_noise = !plan.from_image || (masked && !webui && request_.strength >= 1.0);
  const bool keeps = masked && kind == UNetInput::latents;  // the model knows nothing of masks
  Latents picture;
  if (keeps || !from_noise) picture = this->picture(source);
  Latents noise = noise_.initial();
  if (kind == UNetInput::editing) inputs.extra = source.pictures[0].mean;
  if (kind == UNetInput::inpainting) {
    const Latents blanked = drawn(*source.blanked);
    inputs.extra = Latents(1 + blanked.channels, blanked.height, blanked.width);
    std::copy(source.mask.values.begin(), source.mask.values.end(), inputs.extra.values.begin());
    std::copy(blanked.values.begin(), blanked.values.end(), inputs.extra.values.begin() + static_cast<std::ptrdiff_t>(source.mask.size()));
  } else if (keeps && !webui) {
    draw_noise(noise_, noise.channels, noise.height, noise.width);  // diffusers encodes the masked picture also when nothing needs it
  }
  Latents latents = from_noise ? plan.start(noise) : plan.start(picture, noise);
  if (keeps) inputs.background = Background{std::move(picture), std::move(noise), source.mask, plan, webui && !plan.scaled};
  return latents;
}

}  // namespace imagent
