// A look at a picture while it is drawn.
#pragma once
#include <array>
#include <vector>

#include "image/image.h"
#include "models/vae.h"
#include "sampling/latents.h"

namespace imagent {

// A decoder and how to use it.
struct PictureDecoder {
  const VaeNetwork& network;
  const VaeConfig& config;
  Backend& backend;
  DType compute = DType::f32;
  int tile = 0;           // side in latents, 0: the whole picture at once
  bool seamless = false;  // its pictures go on at their other sides: tiles would not
};

// One image's latents (UNet scale, [C,h,w]) -> its picture.
Image decode_latents(const PictureDecoder& decoder, const Latents& latents, Quantization quantization = Quantization::round);

// Latents to colours by a linear map of channels, at almost no cost: one pixel a latent. The map is measured on the
// model's own decoder (the colours of flat latents), so it fits any autoencoder.
class LatentPreview {
 public:
  explicit LatentPreview(const PictureDecoder& decoder);
  Image operator()(const Latents& latents) const;  // any thread

 private:
  std::array<float, 3> base_{};                  // colour of zero
  std::vector<std::array<float, 3>> channels_;   // and what one unit of each channel adds
};

}  // namespace imagent
