// Latents of another size, as torch.nn.functional.interpolate (align_corners off): A1111's latent upscalers.
#pragma once
#include "sampling/latents.h"

namespace imagent {

enum class Interpolation { nearest, nearest_exact, bilinear, bicubic };

// `antialias`: when shrinking, bilinear and bicubic take in all values that a new one covers.
Latents interpolate(const Latents& latents, int height, int width, Interpolation mode, bool antialias = false);

}  // namespace imagent
