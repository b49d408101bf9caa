// Between pictures and latents: the encoder's distribution, masks at the latents' size, latents of another size.
#pragma once
#include "image/image.h"
#include "pipeline/encoded_picture.h"
#include "pipeline/loaded_model.h"

namespace imagent {

// RGB, sides multiples of 8. `mask` (grey, of the same size, or no pixels): middle grey where it is above 127, as models for
// inpainting see pictures.
// `vae_tile` as in pipeline/tiled_vae.h. The model remembers what it has encoded.
EncodedPicture encode_picture(LoadedModel& model, const Image& rgb, int vae_tile, const Image& mask = {});

// How a grey mask becomes one value a latent.
enum class MaskRule {
  nearest,   // diffusers: every eighth pixel, above 127 is 1
  covering,  // 1 where any of the 64 pixels is above 127: all that is shown is drawn
  rounded,   // A1111: PIL's bicubic, rounded
};
Latents latent_mask(const Image& mask, MaskRule rule);  // [1,H/8,W/8]

}  // namespace imagent
