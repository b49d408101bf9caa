// The autoencoder in a run: on whole pictures or by the run's tiles; by smaller ones from when the device has no memory for those.
#pragma once
#include <optional>
#include <vector>

#include "pipeline/image_latents.h"
#include "pipeline/run_context.h"

namespace imagent {

// Errors of all: memory, when there is none even for the smallest tiles; those of decode_latents() and encode_picture().
Image decode_picture(RunContext& c, const Latents& latents);                                  // by the last model's decoder
std::vector<Image> decode_pictures(RunContext& c, const std::vector<Latents>& latents);       // of one size; small ones side by side
EncodedPicture encode_picture(RunContext& c, const Image& rgb, const Image& mask = {});       // by the base model's encoder
// What the picture looks like now, in the way that the request asks for. None, from then on, when there is no memory for it:
// a preview is not worth a run.
std::optional<Image> preview_picture(RunContext& c, const Latents& denoised);

}  // namespace imagent
