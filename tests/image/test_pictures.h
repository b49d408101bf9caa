// Pictures and small helpers that the tests of image/ share.
#pragma once
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "image/codec.h"

namespace imagent::test {

inline Image noise_picture(int width, int height, int channels) {
  Image image(width, height, channels);
  std::mt19937 random(7);
  for (uint8_t& p : image.pixels) p = static_cast<uint8_t>(random() >> 24);
  return image;
}

inline Image smooth_picture(int width, int height) {
  Image image(width, height, 3);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) image.at(x, y)[c] = static_cast<uint8_t>(128 + 90 * std::sin(0.07 * x + c) * std::cos(0.05 * y));
  return image;
}

inline std::vector<std::string> parameter_texts() {
  return {"", "a cat\nSteps: 20, Sampler: Euler, CFG scale: 7", "caf\u00e9, \u00ff", "\u65e5\u672c\u8a9e \U0001F431\nSteps: 1, Sampler: x, Seed: 3"};
}

inline int largest_difference(const Image& a, const Image& b) {
  if (a.pixels.size() != b.pixels.size()) return 256;
  int largest = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  return largest;
}

inline Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

// The text of the Error that `action` throws.
template <class Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.text;
  }
  return "no error";
}

}  // namespace imagent::test
