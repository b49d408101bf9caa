// The pixels of image to image, inpainting and outpainting: what is drawn over, and how the result is laid back.
// The AUTOMATIC1111 web UI's modules/processing.py (StableDiffusionProcessingImg2Img.init) and diffusers' VaeImageProcessor.
#pragma once
#include <optional>

#include "image/compose.h"
#include "pipeline/request.h"

namespace imagent {

struct Canvas {
  Image picture;            // RGB, what is encoded: of the request's size, unless latents are resized (ResizeMode::latent)
  Image mask;               // grey, of that size: 255 is drawn anew; no pixels when there is no mask

  // Pasting: the drawn picture goes to `place` of `whole`, which stays where `overlay` (grey, of its size) is 0.
  Image whole, overlay;     // no pixels: the result is the drawn picture
  Region place;

  bool masked() const { return !mask.pixels.empty(); }
};

// The size that a request with a picture asks for when it names none: the picture's, with what is added outside, as a
// multiple of 8 (rounded up where the result is pasted, else down). Nothing when the model's own size is meant: without a picture, and when only a cut-out is drawn.
// When one side is given, the other follows the picture's proportions.
std::optional<Size> size_by_picture(const Request& request);

// For a request whose size is filled in. Errors: usage (a mask or additions without a picture), image.
Canvas make_canvas(const Request& request);

// `image` at that size: stretched, or with its proportions kept, by cutting (crop) or by adding edges (fill).
Image fit_picture(const Image& image, Size size, ResizeMode mode);

// The drawn picture where it belongs.
Image paste_back(const Canvas& canvas, Image drawn);

}  // namespace imagent
