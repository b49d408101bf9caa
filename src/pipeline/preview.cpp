// Decoding and previews.
#include "pipeline/preview.h"

#include <algorithm>

#include "ops/ops.h"
#include "pipeline/tiled_vae.h"

namespace imagent {
Image decode_latents(const PictureDecoder& decoder, const Latents& latents, Quantization quantization) {
  const int64_t channels = latents.channels, pixels = int64_t{latents.height} * latents.width;
  check(channels == decoder.config.latent_channels, ErrorKind::model, "vae: it decodes ", decoder.config.latent_channels, " channels, the latents have ", channels);
  std::vector<float> last(latents.size());
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t p = 0; p < pixels; ++p) last[p * channels + c] = latents.values[c * pixels + p] / decoder.config.scaling_factor;
  Image picture(8 * latents.width, 8 * latents.height, 3);
  decode_tiles({.network = decoder.network, .backend = decoder.backend, .compute = decoder.compute, .height = latents.height, .width = latents.width, .tile = decoder.tile},
               {last, latents.channels}, [&](int y, std::span<const float> rows) {
                 const int count = static_cast<int>(rows.size()) / (3 * picture.width);
                 const Image part = image_from_signed(rows, {picture.width, count, 3}, quantization);
                 std::copy(part.pixels.begin(), part.pixels.end(), picture.at(0, y));
               });
  return picture;
}

LatentPreview::LatentPreview(const PictureDecoder& decoder) {
  constexpr int side = 4;  // flat latents, away from the borders one pixel would do
  const auto colour = [&](int channel) {
    const int channels = decoder.config.latent_channels;
    std::vector<float> flat(static_cast<size_t>(side * side * channels));
    for (int i = 0; channel >= 0 && i < side * side; ++i) flat[i * channels + channel] = 1 / decoder.config.scaling_factor;
    const Tensor picture = decoder.network(cast(upload(decoder.backend, {1, side, side, channels}, flat), decoder.compute));
    const std::vector<float> values = download(picture);
    const int64_t middle = picture.dim(1) / 2 * picture.dim(2) + picture.dim(2) / 2;
    return std::array<float, 3>{values[middle * 3], values[middle * 3 + 1], values[middle * 3 + 2]};
  };
  base_ = colour(-1);
  for (int c = 0; c < decoder.config.latent_channels; ++c) {
    channels_.push_back(colour(c));
    for (int i = 0; i < 3; ++i) channels_.back()[i] -= base_[i];
  }
}

Image LatentPreview::operator()(const Latents& latents) const {
  const size_t pixels = static_cast<size_t>(latents.height) * latents.width;
  std::vector<float> colours(3 * pixels);
  for (size_t p = 0; p < pixels; ++p)
    for (size_t i = 0; i < 3; ++i) {
      float value = base_[i];
      for (size_t c = 0; c < channels_.size(); ++c) value += channels_[c][i] * latents.values[c * pixels + p];
      colours[3 * p + i] = value;
    }
  return image_from_signed(colours, {latents.width, latents.height, 3});
}

}  // namespace imagent
