// Image: conversions between 8 bits, floats and channel counts. Rounding as diffusers VaeImageProcessor, grey as PIL Convert.c.
#include "image/image.h"

#include <cmath>

#include "base/error.h"

namespace imagent {

Image::Image(int width, int height, int channels) : width(width), height(height), channels(channels) {
  check(width > 0 && height > 0, ErrorKind::image, "an image of ", width, "x", height, " pixels: sizes start at 1");
  check(channels == 1 || channels == 3 || channels == 4, ErrorKind::image, "an image has 1, 3 or 4 channels, not ", channels);
  pixels.resize(static_cast<size_t>(width) * height * channels);
}

namespace {

uint8_t quantize(float x, Quantization mode) {
  const float unit = x / 2 + 0.5f;
  if (!(unit > 0)) return 0;  // NaN too
  if (unit >= 1) return 255;
  const float scaled = unit * 255;
  return static_cast<uint8_t>(mode == Quantization::round ? std::nearbyintf(scaled) : scaled);
}

void check_count(std::span<const float> values, const Image& image) {
  check(values.size() == image.pixels.size(), "image ", image.width, "x", image.height, "x", image.channels, " from ", values.size(), " values");
}

}  // namespace

Image image_from_signed(std::span<const float> nhwc, ImageShape shape, Quantization mode) {
  Image image(shape.width, shape.height, shape.channels);
  check_count(nhwc, image);
  for (size_t i = 0; i < nhwc.size(); ++i) image.pixels[i] = quantize(nhwc[i], mode);
  return image;
}

Image image_from_signed_planes(std::span<const float> nchw, ImageShape shape, Quantization mode) {
  Image image(shape.width, shape.height, shape.channels);
  check_count(nchw, image);
  const size_t plane = static_cast<size_t>(shape.width) * shape.height;
  for (int c = 0; c < shape.channels; ++c)
    for (size_t i = 0; i < plane; ++i) image.pixels[i * shape.channels + c] = quantize(nchw[c * plane + i], mode);
  return image;
}

std::vector<float> unit_from_image(const Image& image) {
  std::vector<float> values(image.pixels.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(image.pixels[i]) / 255.0f;
  return values;
}

std::vector<float> signed_from_image(const Image& image) {
  std::vector<float> values = unit_from_image(image);
  for (float& value : values) value = 2.0f * value - 1.0f;
  return values;
}

Image to_rgb(const Image& image) {
  if (image.channels == 3) return image;
  Image rgb(image.width, image.height, 3);
  const size_t count = static_cast<size_t>(image.width) * image.height;
  for (size_t i = 0; i < count; ++i)
    for (int c = 0; c < 3; ++c) rgb.pixels[i * 3 + c] = image.pixels[i * image.channels + (image.channels == 1 ? 0 : c)];
  return rgb;
}

Image to_gray(const Image& image) {
  if (image.channels == 1) return image;
  Image gray(image.width, image.height, 1);
  const uint8_t* p = image.pixels.data();
  for (size_t i = 0; i < gray.pixels.size(); ++i, p += image.channels)
    gray.pixels[i] = static_cast<uint8_t>((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16);
  return gray;
}

Image alpha_of(const Image& image) {
  Image alpha(image.width, image.height, 1);
  for (size_t i = 0; i < alpha.pixels.size(); ++i) alpha.pixels[i] = image.channels == 4 ? image.pixels[i * 4 + 3] : 255;
  return alpha;
}

}  // namespace imagent
