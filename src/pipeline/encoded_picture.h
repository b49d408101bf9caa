// A picture as the VAE's encoder sees it.
#pragma once
#include "sampling/latents.h"

namespace imagent {

// The normal distribution that the VAE gives for a picture, at the UNet's scale when sampled.
struct EncodedPicture {
  Latents mean, deviation;   // of the VAE, [C,h,w]
  float scaling_factor = 1;

  Latents sample(Generator& generator) const;  // one draw: (mean + deviation * normal) * scaling_factor
  Latents mode() const;                        // mean * scaling_factor
};

}  // namespace imagent
