// Cutting pictures out of pictures and laying them over each other, as PIL and the AUTOMATIC1111 web UI do
// (modules/masking.py, modules/images.py: resize_image).
#pragma once
#include <optional>

#include "image/image.h"

namespace imagent {

struct Region {
  int x = 0, y = 0, width = 0, height = 0;
  bool operator==(const Region&) const = default;
};

// The part of the picture in a region that lies inside it. Error: internal.
Image crop(const Image& image, const Region& region);
// Lays `source` (of as many channels) over `target`; what lies outside is left out.
void paste(Image& target, const Image& source, int x, int y);
// A picture of that size with this one at (x, y); its edge pixels go on outwards. Parts outside are left out.
Image place_with_edges(const Image& image, int x, int y, int width, int height);
Image invert(Image image);
Image filled(int width, int height, int channels, uint8_t value);

// RGB; transparent parts let a grey of that brightness through.
Image flatten(const Image& image, uint8_t background = 255);

// alpha (grey, of the same size) 0: below, bit for bit; 255: above; rounded to nearest between.
Image blend(const Image& below, const Image& above, const Image& alpha);

// The smallest region that holds all pixels above 0 of a grey picture; nothing when there are none.
std::optional<Region> bounding_box(const Image& gray);

// Gaussian blur of a grey picture, borders mirrored; the kernel reaches 2.5 sigma as the web UI's mask blur.
Image gaussian_blur(const Image& gray, double sigma);

// What the mask (grey, of the same size) hides is filled with colours of its surroundings: blurs of falling radius of
// what is seen, laid over each other.
Image fill_hidden(const Image& rgb, const Image& mask);

}  // namespace imagent
