// Separable resampling in 22-bit fixed point, 8 bits between the two passes (Pillow src/libImaging/Resample.c).
#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace imagent {

namespace {

constexpr int precision_bits = 32 - 8 - 2;

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double cubic(double x) {  // a = -0.5
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * -0.5;
  return 0;
}

struct Filter {
  double support;
  double (*weight)(double);
};

Filter filter_of(Resample kind) {
  switch (kind) {
    case Resample::box: return {0.5, [](double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }};
    case Resample::bilinear: return {1.0, [](double x) { return std::max(0.0, 1.0 - std::abs(x)); }};
    case Resample::bicubic: return {2.0, cubic};
    default: return {3.0, [](double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0.0; }};
  }
}

// For each output sample: where its input samples begin, and their fixed-point weights.
struct Coefficients {
  struct Range {
    int begin, count;
  };
  std::vector<Range> ranges;
  std::vector<int> weights;  // [out, width]
  int width = 0;
};

Coefficients coefficients(int in, int out, const Filter& filter) {
  const double scale = static_cast<double>(in) / out;
  const double filter_scale = std::max(scale, 1.0);
  const double support = filter.support * filter_scale;
  Coefficients c;
  c.width = static_cast<int>(std::ceil(support)) * 2 + 1;
  c.ranges.resize(out);
  c.weights.resize(static_cast<size_t>(out) * c.width);
  std::vector<double> exact(c.width);
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    const double inverse = 1.0 / filter_scale;
    const int begin = std::max(0, static_cast<int>(center - support + 0.5));
    const int count = std::min(in, static_cast<int>(center + support + 0.5)) - begin;
    double sum = 0;
    for (int x = 0; x < count; ++x) sum += exact[x] = filter.weight((x + begin - center + 0.5) * inverse);
    for (int x = 0; x < count; ++x) {
      const double normal = (sum != 0 ? exact[x] / sum : exact[x]) * (1 << precision_bits);
      c.weights[static_cast<size_t>(i) * c.width + x] = static_cast<int>(normal < 0 ? normal - 0.5 : normal + 0.5);
    }
    c.ranges[i] = {begin, count};
  }
  return c;
}

uint8_t clip8(int sum) { return static_cast<uint8_t>(std::clamp(sum >> precision_bits, 0, 255)); }

Image resize_rows(const Image& image, int width, const Filter& filter) {
  const Coefficients k = coefficients(image.width, width, filter);
  Image out(width, image.height, image.channels);
  const int channels = image.channels;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < width; ++x) {
      const auto [begin, count] = k.ranges[x];
      const int* weights = &k.weights[static_cast<size_t>(x) * k.width];
      const uint8_t* in = image.at(begin, y);
      for (int c = 0; c < channels; ++c) {
        int sum = 1 << (precision_bits - 1);
        for (int i = 0; i < count; ++i) sum += in[i * channels + c] * weights[i];
        out.at(x, y)[c] = clip8(sum);
      }
    }
  return out;
}

Image resize_columns(const Image& image, int height, const Filter& filter) {
  const Coefficients k = coefficients(image.height, height, filter);
  Image out(image.width, height, image.channels);
  const size_t row = static_cast<size_t>(image.width) * image.channels;
  std::vector<int> sums(row);
  for (int y = 0; y < height; ++y) {
    const auto [begin, count] = k.ranges[y];
    std::fill(sums.begin(), sums.end(), 1 << (precision_bits - 1));
    for (int i = 0; i < count; ++i) {
      const int weight = k.weights[static_cast<size_t>(y) * k.width + i];
      const uint8_t* in = image.at(0, begin + i);
      for (size_t x = 0; x < row; ++x) sums[x] += in[x] * weight;
    }
    std::transform(sums.begin(), sums.end(), out.at(0, y), clip8);
  }
  return out;
}

// Positions are accumulated, not multiplied, as Geometry.c does: its rounding is part of the result.
std::vector<int> nearest_positions(int in, int out) {
  const double scale = static_cast<double>(in) / out;
  std::vector<int> positions(out);
  double at = scale * 0.5;
  for (int& position : positions) {
    position = std::min(static_cast<int>(at), in - 1);
    at += scale;
  }
  return positions;
}

Image resize_nearest(const Image& image, int width, int height) {
  const std::vector<int> columns = nearest_positions(image.width, width), rows = nearest_positions(image.height, height);
  Image out(width, height, image.channels);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) std::copy_n(image.at(columns[x], rows[y]), image.channels, out.at(x, y));
  return out;
}

void premultiply(Image& rgba) {
  for (uint8_t* p = rgba.pixels.data(); p != rgba.pixels.data() + rgba.pixels.size(); p += 4)
    for (int c = 0; c < 3; ++c) {
      const unsigned product = p[c] * p[3] + 128u;
      p[c] = static_cast<uint8_t>(((product >> 8) + product) >> 8);
    }
}

void unpremultiply(Image& rgba) {
  for (uint8_t* p = rgba.pixels.data(); p != rgba.pixels.data() + rgba.pixels.size(); p += 4)
    if (p[3] != 0 && p[3] != 255)
      for (int c = 0; c < 3; ++c) p[c] = static_cast<uint8_t>(std::min(255, 255 * p[c] / p[3]));
}

}  // namespace

Image resize(const Image& image, int width, int height, Resample kind) {
  check(width > 0 && height > 0, ErrorKind::image, "cannot resize to ", width, "x", height, " pixels: sizes start at 1");
  if (width == image.width && height == image.height) return image;
  if (kind == Resample::nearest) return resize_nearest(image, width, height);
  const Filter filter = filter_of(kind);
  Image out = image;
  if (out.channels == 4) premultiply(out);
  if (width != image.width) out = resize_rows(out, width, filter);
  if (height != image.height) out = resize_columns(out, height, filter);
  if (out.channels == 4) unpremultiply(out);
  return out;
}

}  // namespace imagent
