// Between pictures and latents: the encoder's distribution, masks at the latents' size, latents of another size.
#pragma once
#include "image/image.h"
#include "pipeline/loaded_model.h"
#include "sampling/latents.h"

namespace imagent {

// The normal distribution that the VAE gives for a picture, at the UNet's scale when sampled.
struct EncodedPicture {
  Latents mean, deviation;   // of the VAE, [C,h,w]
  float scaling_factor = 1;

  Latents sample(Generator& generator) const;  // one draw: (mean + deviation * normal) * scaling_factor
  Latents mode() const;                        // mean * scaling_factor
};

// RGB, sides multiples of 8. `mask` (grey, of the same size, or no pixels): middle grey where it is above 127, as models for
// inpainting see pictures.
// `vae_tile` as in pipeline/tiled_vae.h.
EncodedPicture encode_picture(LoadedModel& model, const Image& rgb, int vae_tile, const Image& mask = {});

// How a grey mask becomes one value a latent.
enum class MaskRule {
  nearest,   // diffusers: every eighth pixel, above 127 is 1
  covering,  // 1 where any of the 64 pixels is above 127: all that is shown is drawn
  rounded,   // A1111: PIL's bicubic, rounded
};
Latents latent_mask(const Image& mask, MaskRule rule);  // [1,H/8,W/8]

}  // namespace imagent
