// Encoding pictures and masks. diffusers pipeline_stable_diffusion_inpaint.py: _encode_vae_image, prepare_mask_latents.
#include "pipeline/image_latents.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "hub/digest.h"
#include "image/resize.h"
#include "ops/ops.h"
#include "pipeline/tiled_vae.h"

namespace imagent {

Latents EncodedPicture::sample(Generator& generator) const {
  Latents out = draw_noise(generator, mean.channels, mean.height, mean.width);
  for (size_t i = 0; i < out.size(); ++i) out.values[i] = scaling_factor * (mean.values[i] + deviation.values[i] * out.values[i]);
  return out;
}

Latents EncodedPicture::mode() const { return sum(scaling_factor * mean); }

static EncodedPicture encode(LoadedModel& model, const Image& rgb, int vae_tile, const Image& mask) {
  std::vector<float> pixels_in = signed_from_image(rgb);
  for (size_t i = 0; i < pixels_in.size() && !mask.pixels.empty(); ++i)
    if (mask.pixels[i / 3] > 127) pixels_in[i] = 0;
  const int height = rgb.height / 8, width = rgb.width / 8;
  const std::vector<float> values = encode_tiles(
      {.network = model.vae_encoder(), .backend = model.backend(), .compute = model.compute(), .height = height, .width = width, .tile = vae_tile}, {pixels_in, 3});
  const auto channels = static_cast<size_t>(model.vae_config().latent_channels), given = values.size() / static_cast<size_t>(height * width);
  const bool random = !model.vae_config().tiny;
  check(given == (random ? 2 * channels : channels), ErrorKind::model, "vae: the encoder gives ", given, " channels, which do not belong to ", channels, " latent channels");
  EncodedPicture out{Latents(static_cast<int>(channels), height, width), Latents(static_cast<int>(channels), height, width), model.vae_config().scaling_factor};
  const size_t pixels = static_cast<size_t>(height) * static_cast<size_t>(width);
  for (size_t c = 0; c < channels; ++c)
    for (size_t p = 0; p < pixels; ++p) {
      out.mean.values[c * pixels + p] = values[p * given + c];
      if (random) out.deviation.values[c * pixels + p] = std::exp(0.5f * std::clamp(values[p * given + channels + c], -30.0f, 20.0f));
    }
  return out;
}

EncodedPicture encode_picture(LoadedModel& model, const Image& rgb, int vae_tile, const Image& mask) {
  const auto hash = [](const Image& image) { return image.pixels.empty() ? "" : sha256_of(std::as_bytes(std::span(image.pixels))); };
  const PictureKey key{.pixels = hash(rgb), .mask = hash(mask), .width = rgb.width, .height = rgb.height, .tile = vae_tile};
  return *model.vae().pictures().get(
      key, [&] { return encode(model, rgb, vae_tile, mask); },
      [](const EncodedPicture& made) { return (made.mean.size() + made.deviation.size()) * sizeof(float); });
}

static bool hides(const Image& mask, int x, int y) { return *mask.at(x, y) > 127; }

static bool any_of_block(const Image& mask, int column, int row) {
  for (int y = 8 * row; y < 8 * row + 8; ++y)
    for (int x = 8 * column; x < 8 * column + 8; ++x)
      if (hides(mask, x, y)) return true;
  return false;
}

Latents latent_mask(const Image& mask, MaskRule rule) {
  Latents out(1, mask.height / 8, mask.width / 8);
  const Image small = rule == MaskRule::rounded ? resize(mask, out.width, out.height, Resample::bicubic) : Image();
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x) {
      const bool drawn = rule == MaskRule::nearest    ? hides(mask, 8 * x, 8 * y)
                         : rule == MaskRule::covering ? any_of_block(mask, x, y)
                                                      : hides(small, x, y);
      out.values[static_cast<size_t>(y) * static_cast<size_t>(out.width) + static_cast<size_t>(x)] = drawn ? 1.0f : 0.0f;
    }
  return out;
}

}  // namespace imagent
