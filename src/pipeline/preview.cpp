// Decoding and previews.
#include "pipeline/preview.h"

#include <algorithm>

namespace imagent {
namespace {

// [C,h,w] -> picture [1,8h,8w,3] of the decoder.
Tensor decode(const VaeDecoder& decoder, const VaeConfig& config, DType compute, const Latents& latents) {
  const int64_t channels = latents.channels, pixels = int64_t{latents.height} * latents.width;
  check(channels == config.latent_channels, ErrorKind::model, "vae: it decodes ", config.latent_channels, " channels, the latents have ", channels);
  std::vector<float> last(latents.size());
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t p = 0; p < pixels; ++p) last[p * channels + c] = latents.values[c * pixels + p] / config.scaling_factor;
  Backend& backend = decoder.conv_norm_out.params.gamma.backend();
  return decoder(cast(upload(backend, {1, latents.height, latents.width, channels}, last), compute));
}

}  // namespace

Image decode_latents(const VaeDecoder& decoder, const VaeConfig& config, DType compute, const Latents& latents, Quantization quantization) {
  const Tensor picture = decode(decoder, config, compute, latents);
  return image_from_signed(download(picture), {static_cast<int>(picture.dim(2)), static_cast<int>(picture.dim(1)), static_cast<int>(picture.dim(3))},
                           quantization);
}

LatentPreview::LatentPreview(const VaeDecoder& decoder, const VaeConfig& config, DType compute) {
  constexpr int side = 4;  // flat latents, away from the borders one pixel would do
  const auto colour = [&](int channel) {
    Latents flat(config.latent_channels, side, side);
    if (channel >= 0) std::fill_n(flat.values.begin() + channel * side * side, side * side, 1.0f);
    const Tensor picture = decode(decoder, config, compute, flat);
    const std::vector<float> values = download(picture);
    const int64_t middle = picture.dim(1) / 2 * picture.dim(2) + picture.dim(2) / 2;
    return std::array<float, 3>{values[middle * 3], values[middle * 3 + 1], values[middle * 3 + 2]};
  };
  base_ = colour(-1);
  for (int c = 0; c < config.latent_channels; ++c) {
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
