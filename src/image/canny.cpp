// Canny's edge detector in integers, bit for bit as OpenCV's modules/imgproc/src/canny.cpp with an aperture of 3 and the L1
// norm. Like it (and like those who trained ControlNets on its edges) it takes colours as they are and does not blur.
#include "image/canny.h"

#include <algorithm>
#include <cstdlib>

namespace imagent {
namespace {

struct Gradients {
  int width = 0, height = 0;
  std::vector<int> dx, dy, norm;  // of the channel with the largest norm; norms with a frame of zeros

  size_t framed(int x, int y) const { return static_cast<size_t>(y + 1) * (width + 2) + x + 1; }
};

struct Slope {
  int dx, dy;
  int norm() const { return std::abs(dx) + std::abs(dy); }
};

// Sobel's differences of a channel; outside the picture its border goes on.
Slope slope_at(const Image& picture, int x, int y, int channel) {
  const int left = std::max(x - 1, 0), right = std::min(x + 1, picture.width - 1);
  const int above = std::max(y - 1, 0), below = std::min(y + 1, picture.height - 1);
  const auto at = [&](int column, int row) { return static_cast<int>(picture.at(column, row)[channel]); };
  return {at(right, above) + 2 * at(right, y) + at(right, below) - at(left, above) - 2 * at(left, y) - at(left, below),
          at(left, below) + 2 * at(x, below) + at(right, below) - at(left, above) - 2 * at(x, above) - at(right, above)};
}

Gradients gradients_of(const Image& picture) {
  Gradients g{.width = picture.width, .height = picture.height, .dx = {}, .dy = {}, .norm = {}};
  g.norm.resize(static_cast<size_t>(picture.width + 2) * (picture.height + 2));
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) {
      Slope steepest = slope_at(picture, x, y, 0);
      for (int channel = 1; channel < picture.channels; ++channel) {
        const Slope slope = slope_at(picture, x, y, channel);
        if (slope.norm() > steepest.norm()) steepest = slope;
      }
      g.dx.push_back(steepest.dx);
      g.dy.push_back(steepest.dy);
      g.norm[g.framed(x, y)] = steepest.norm();
    }
  return g;
}

// Whether the norm is largest across the edge; of two equal ones the first counts.
bool is_ridge(const Gradients& g, int x, int y) {
  constexpr int shift = 15, tan_22 = 13573;  // tan(22.5 degrees) * 2^15; tan(67.5 degrees) is 2 more
  const size_t at = static_cast<size_t>(y) * g.width + x, here = g.framed(x, y), row = static_cast<size_t>(g.width) + 2;
  const int norm = g.norm[here], dx = g.dx[at], dy = g.dy[at];
  const int64_t rise = int64_t{std::abs(dy)} << shift, flat = int64_t{std::abs(dx)} * tan_22;
  if (rise < flat) return norm > g.norm[here - 1] && norm >= g.norm[here + 1];
  if (rise > flat + (int64_t{std::abs(dx)} << (shift + 1))) return norm > g.norm[here - row] && norm >= g.norm[here + row];
  const bool falling = (dx ^ dy) < 0;
  return norm > g.norm[falling ? here - row + 1 : here - row - 1] && norm > g.norm[falling ? here + row - 1 : here + row + 1];
}

}  // namespace

Image canny_edges(const Image& picture, CannyThresholds thresholds) {
  const Gradients g = gradients_of(picture.channels == 4 ? to_rgb(picture) : picture);
  enum : uint8_t { none = 0, weak = 1, edge = 255 };
  Image edges(g.width, g.height, 1);
  std::vector<std::pair<int, int>> open;  // edges whose neighbours have not been looked at
  for (int y = 0; y < g.height; ++y)
    for (int x = 0; x < g.width; ++x) {
      const int norm = g.norm[g.framed(x, y)];
      if (norm <= thresholds.low || !is_ridge(g, x, y)) continue;
      *edges.at(x, y) = norm > thresholds.high ? edge : weak;
      if (norm > thresholds.high) open.emplace_back(x, y);
    }
  while (!open.empty()) {
    const auto [x, y] = open.back();
    open.pop_back();
    for (int row = std::max(y - 1, 0); row <= std::min(y + 1, g.height - 1); ++row)
      for (int column = std::max(x - 1, 0); column <= std::min(x + 1, g.width - 1); ++column)
        if (uint8_t& pixel = *edges.at(column, row); pixel == weak) {
          pixel = edge;
          open.emplace_back(column, row);
        }
  }
  Image rgb(g.width, g.height, 3);
  for (size_t i = 0; i < edges.pixels.size(); ++i) std::fill_n(&rgb.pixels[3 * i], 3, edges.pixels[i] == edge ? edge : none);
  return rgb;
}

}  // namespace imagent
