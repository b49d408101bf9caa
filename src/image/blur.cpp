// Blurs: OpenCV's GaussianBlur for masks, and the web UI's fill of what a mask hides (modules/masking.py: fill).
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "image/compose.h"

namespace imagent {
namespace {

// Mirrored without the border pixel itself twice (OpenCV's BORDER_REFLECT_101).
int mirrored(int i, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  i = std::abs(i) % period;
  return i < size ? i : period - i;
}

std::vector<double> gaussian_kernel(double sigma) {
  const int radius = static_cast<int>(2.5 * sigma + 0.5);
  std::vector<double> kernel;
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) sum += kernel.emplace_back(std::exp(-i * i / (2 * sigma * sigma)));
  for (double& weight : kernel) weight /= sum;
  return kernel;
}

// One direction; `stride` 1 along rows, the width along columns.
struct Line {
  int count, stride;
};
void blur_line(const uint8_t* in, uint8_t* out, Line line, const std::vector<double>& kernel) {
  const int radius = static_cast<int>(kernel.size() / 2);
  for (int i = 0; i < line.count; ++i) {
    double sum = 0;
    for (int k = -radius; k <= radius; ++k) sum += kernel[static_cast<size_t>(k + radius)] * in[mirrored(i + k, line.count) * line.stride];
    out[i * line.stride] = static_cast<uint8_t>(std::lround(sum));
  }
}

// RGB and weight of every pixel, colours multiplied by the weight.
struct Plane {
  int width, height;
  std::vector<float> values;  // [H,W,4]
  float* at(int x, int y) { return &values[(static_cast<size_t>(y) * width + x) * 4]; }
};

// The mean of 2 * radius + 1 values along a line, its ends repeated.
void box_line(float* line, int count, size_t stride, int radius, std::vector<float>& old) {
  old.resize(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) old[static_cast<size_t>(i)] = line[static_cast<size_t>(i) * stride];
  const auto value = [&](int i) { return double{old[static_cast<size_t>(std::clamp(i, 0, count - 1))]}; };
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) sum += value(i);
  for (int i = 0; i < count; ++i) {
    line[static_cast<size_t>(i) * stride] = static_cast<float>(sum / (2 * radius + 1));
    sum += value(i + radius + 1) - value(i - radius);
  }
}

// Three box blurs stand for a Gaussian (PIL's GaussianBlur).
void box_blurs(Plane& plane, double sigma) {
  const int radius = static_cast<int>(std::lround((std::sqrt(12 * sigma * sigma / 3 + 1) - 1) / 2));
  std::vector<float> scratch;
  for (int pass = 0; pass < 3; ++pass)
    for (int c = 0; c < 4; ++c) {
      for (int y = 0; y < plane.height; ++y) box_line(plane.at(0, y) + c, plane.width, 4, radius, scratch);
      for (int x = 0; x < plane.width; ++x) box_line(plane.at(x, 0) + c, plane.height, 4 * static_cast<size_t>(plane.width), radius, scratch);
    }
}

}  // namespace

Image gaussian_blur(const Image& gray, double sigma) {
  check(gray.channels == 1, "gaussian_blur: of a grey picture only");
  if (sigma <= 0) return gray;
  const std::vector<double> kernel = gaussian_kernel(sigma);
  Image rows = gray, out = gray;
  for (int y = 0; y < gray.height; ++y) blur_line(gray.at(0, y), rows.at(0, y), {gray.width, 1}, kernel);
  for (int x = 0; x < gray.width; ++x) blur_line(rows.at(x, 0), out.at(x, 0), {gray.height, gray.width}, kernel);
  return out;
}

Image fill_hidden(const Image& rgb, const Image& mask) {
  check(rgb.channels == 3 && mask.channels == 1 && mask.width == rgb.width && mask.height == rgb.height, "fill_hidden: a mask of the picture's size");
  const size_t pixels = mask.pixels.size();
  Plane seen{rgb.width, rgb.height, std::vector<float>(4 * pixels)};
  for (size_t i = 0; i < pixels; ++i) {
    const float weight = static_cast<float>(255 - mask.pixels[i]) / 255;
    for (size_t c = 0; c < 3; ++c) seen.values[4 * i + c] = weight * rgb.pixels[3 * i + c];
    seen.values[4 * i + 3] = weight;
  }
  std::vector<float> layers(4 * pixels);  // as `seen`: every layer laid over those before
  struct Layer {
    double radius;
    int times;
  };
  for (const Layer& layer : {Layer{256, 1}, Layer{64, 1}, Layer{16, 2}, Layer{4, 4}, Layer{2, 2}, Layer{0, 1}}) {
    Plane blurred = seen;
    if (layer.radius > 0) box_blurs(blurred, layer.radius);
    for (int time = 0; time < layer.times; ++time)
      for (size_t i = 0; i < 4 * pixels; ++i) layers[i] = blurred.values[i] + (1 - blurred.values[i / 4 * 4 + 3]) * layers[i];
  }
  Image out(rgb.width, rgb.height, 3);
  for (size_t i = 0; i < pixels; ++i)
    for (size_t c = 0; c < 3; ++c) {
      const float weight = layers[4 * i + 3];
      out.pixels[3 * i + c] = weight > 0 ? static_cast<uint8_t>(std::clamp(std::lround(layers[4 * i + c] / weight), 0L, 255L)) : 0;
    }
  return out;
}

}  // namespace imagent
