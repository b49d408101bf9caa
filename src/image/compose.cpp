// Cropping, pasting and blending of 8-bit pictures.
#include "image/compose.h"

#include <algorithm>

#include "base/error.h"

namespace imagent {

Image crop(const Image& image, const Region& r) {
  check(r.x >= 0 && r.y >= 0 && r.x + r.width <= image.width && r.y + r.height <= image.height, "crop: the region leaves the picture");
  Image out(r.width, r.height, image.channels);
  for (int y = 0; y < r.height; ++y) std::copy_n(image.at(r.x, r.y + y), static_cast<size_t>(r.width) * image.channels, out.at(0, y));
  return out;
}

void paste(Image& target, const Image& source, int x, int y) {
  check(target.channels == source.channels, "paste: ", source.channels, " channels into ", target.channels);
  const int left = std::max(x, 0), right = std::min(x + source.width, target.width);
  if (left >= right) return;
  for (int row = std::max(y, 0); row < std::min(y + source.height, target.height); ++row)
    std::copy_n(source.at(left - x, row - y), static_cast<size_t>(right - left) * source.channels, target.at(left, row));
}

Image place_with_edges(const Image& image, int x, int y, int width, int height) {
  Image out(width, height, image.channels);
  for (int row = 0; row < height; ++row)
    for (int column = 0; column < width; ++column)
      std::copy_n(image.at(std::clamp(column - x, 0, image.width - 1), std::clamp(row - y, 0, image.height - 1)), image.channels, out.at(column, row));
  return out;
}

Image invert(Image image) {
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(255 - value);
  return image;
}

Image filled(int width, int height, int channels, uint8_t value) {
  Image image(width, height, channels);
  std::fill(image.pixels.begin(), image.pixels.end(), value);
  return image;
}

// a * x + (1 - a) * y with a in 255ths, rounded to nearest; exact at both ends.
static uint8_t mix(unsigned x, unsigned y, unsigned a) { return static_cast<uint8_t>((x * a + y * (255 - a) + 127) / 255); }

Image flatten(const Image& image, uint8_t background) {
  Image rgb = to_rgb(image);
  if (image.channels != 4) return rgb;
  for (size_t i = 0; i < rgb.pixels.size(); ++i) rgb.pixels[i] = mix(rgb.pixels[i], background, image.pixels[i / 3 * 4 + 3]);
  return rgb;
}

Image blend(const Image& below, const Image& above, const Image& alpha) {
  check(below.width == above.width && below.height == above.height && below.channels == above.channels && alpha.width == below.width &&
            alpha.height == below.height && alpha.channels == 1,
        "blend: pictures of different sizes");
  Image out = below;
  for (size_t i = 0; i < out.pixels.size(); ++i) out.pixels[i] = mix(above.pixels[i], below.pixels[i], alpha.pixels[i / static_cast<size_t>(below.channels)]);
  return out;
}

std::optional<Region> bounding_box(const Image& gray) {
  check(gray.channels == 1, "bounding_box: of a grey picture only");
  int left = gray.width, top = gray.height, right = 0, bottom = 0;
  for (int y = 0; y < gray.height; ++y)
    for (int x = 0; x < gray.width; ++x) {
      if (*gray.at(x, y) == 0) continue;
      left = std::min(left, x), right = std::max(right, x + 1);
      top = std::min(top, y), bottom = std::max(bottom, y + 1);
    }
  if (left >= right) return std::nullopt;
  return Region{left, top, right - left, bottom - top};
}

}  // namespace imagent
