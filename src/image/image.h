// A picture in memory: 8-bit samples, rows from the top, channels interleaved.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace imagent {

struct Image {
  int width = 0, height = 0;
  int channels = 3;  // 1 grey, 3 RGB, 4 RGBA (alpha not premultiplied)
  std::vector<uint8_t> pixels;

  Image() = default;
  Image(int width, int height, int channels);  // black; error image when a size is not positive or channels not 1, 3, 4
  uint8_t* at(int x, int y) { return pixels.data() + (static_cast<size_t>(y) * width + x) * channels; }
  const uint8_t* at(int x, int y) const { return pixels.data() + (static_cast<size_t>(y) * width + x) * channels; }
  bool operator==(const Image&) const = default;
};

// How x in -1..1 becomes 8 bits: diffusers rounds (half to even), the AUTOMATIC1111 web UI truncates.
enum class Quantization { round, truncate };

// values [H,W,C] (channels last) in about -1..1: clamp(x/2 + 0.5, 0, 1) * 255. NaN becomes 0. Error: internal when sizes differ.
struct ImageShape {
  int width, height, channels;
};
Image image_from_signed(std::span<const float> nhwc, ImageShape shape, Quantization mode = Quantization::round);
// The same from planes [C,H,W].
Image image_from_signed_planes(std::span<const float> nchw, ImageShape shape, Quantization mode = Quantization::round);

// [H,W,C] in -1..1: pixel / 127.5 - 1 as diffusers' VaeImageProcessor computes it (2 * (pixel / 255) - 1 in f32).
std::vector<float> signed_from_image(const Image& image);
// [H,W,C] in 0..1.
std::vector<float> unit_from_image(const Image& image);

// Alpha is dropped, as PIL's convert("RGB") and convert("L") do; grey is ITU-R 601 with PIL's fixed-point weights.
Image to_rgb(const Image& image);
Image to_gray(const Image& image);
// The alpha channel alone (255 everywhere when there is none), as a grey image.
Image alpha_of(const Image& image);

}  // namespace imagent
