// Comparing 8-bit pictures in tests.
#pragma once
#include <cmath>
#include <limits>

#include "image/image.h"

namespace imagent::test {

struct PictureDifference {
  double largest = 0, mean = 0, psnr = 0;  // of 8-bit values; psnr in dB, infinite for equal pictures
};

inline PictureDifference difference(const Image& a, const Image& b) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (a.width != b.width || a.height != b.height || a.channels != b.channels) return {infinity, infinity, -infinity};
  double largest = 0, sum = 0, squares = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    const double d = std::abs(static_cast<double>(a.pixels[i]) - b.pixels[i]);
    largest = std::max(largest, d);
    sum += d;
    squares += d * d;
  }
  const auto n = static_cast<double>(a.pixels.size());
  return {largest, sum / n, squares > 0 ? 10 * std::log10(255.0 * 255.0 * n / squares) : infinity};
}

}  // namespace imagent::test
