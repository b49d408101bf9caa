// A look at a picture while it is drawn.
#pragma once
#include <array>

#include "image/image.h"
#include "models/vae.h"
#include "sampling/latents.h"

namespace imagent {

// The whole decoder on one image's latents (UNet scale, [C,h,w]).
Image decode_latents(const VaeDecoder& decoder, const VaeConfig& config, DType compute, const Latents& latents, Quantization quantization = Quantization::round);

// Latents to colours by a linear map of channels, at almost no cost: one pixel a latent. The map is measured on the
// model's own decoder (the colours of flat latents), so it fits any autoencoder.
class LatentPreview {
 public:
  LatentPreview(const VaeDecoder& decoder, const VaeConfig& config, DType compute);
  Image operator()(const Latents& latents) const;

 private:
  std::array<float, 3> base_{};                  // colour of zero
  std::vector<std::array<float, 3>> channels_;   // and what one unit of each channel adds
};

}  // namespace imagent
