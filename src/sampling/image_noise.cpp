// ImageRNG.first() of the A1111 web UI (modules/rng.py), for one image.
#include "sampling/image_noise.h"

#include <algorithm>
#include <cmath>

namespace imagent {

ImageNoise::ImageNoise(const ImageNoiseOptions& options, int channels, int height, int width)
    : options_(options), channels_(channels), height_(height), width_(width),
      generator_(make_generator(options.kind, options.seed)) {}

// Interpolation on the sphere, one angle for every column of every channel: the norms run over the height, as the
// original takes dimension 1 of a (C,H,W) tensor.
static Latents slerp(double strength, const Latents& low, const Latents& high) {
  const int columns = low.channels * low.width;
  std::vector<double> dots(static_cast<size_t>(columns));
  const auto at = [&](int column, int y) {
    return static_cast<size_t>((column / low.width * low.height + y) * low.width + column % low.width);
  };
  double mean = 0;
  for (int column = 0; column < columns; ++column) {
    double ll = 0, hh = 0, lh = 0;
    for (int y = 0; y < low.height; ++y) {
      const double l = low.values[at(column, y)], h = high.values[at(column, y)];
      ll += l * l, hh += h * h, lh += l * h;
    }
    dots[static_cast<size_t>(column)] = lh / std::sqrt(ll * hh);
    mean += dots[static_cast<size_t>(column)] / columns;
  }
  // Nearly parallel: a straight line, with the weights the wrong way round as the original has them.
  if (mean > 0.9995) return sum(strength * low, (1 - strength) * high);
  Latents out = low;
  for (int column = 0; column < columns; ++column) {
    const double omega = std::acos(dots[static_cast<size_t>(column)]), sine = std::sin(omega);
    const double a = std::sin((1 - strength) * omega) / sine, b = std::sin(strength * omega) / sine;
    for (int y = 0; y < low.height; ++y) {
      const size_t i = at(column, y);
      out.values[i] = static_cast<float>(a * low.values[i] + b * high.values[i]);
    }
  }
  return out;
}

// Half of a difference, rounded down also below zero.
static int floor_half(int difference) { return (difference - (difference < 0)) / 2; }

// Pastes `source` centred into `target`; whichever is larger is cropped.
static void paste_centred(const Latents& source, Latents& target) {
  const int left = floor_half(target.width - source.width), top = floor_half(target.height - source.height);
  const int width = std::min(source.width + 2 * std::min(left, 0), target.width - std::max(left, 0));
  const int height = std::min(source.height + 2 * std::min(top, 0), target.height - std::max(top, 0));
  for (int c = 0; c < target.channels; ++c)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        const int to = (c * target.height + y + std::max(top, 0)) * target.width + x + std::max(left, 0);
        const int from = (c * source.height + y + std::max(-top, 0)) * source.width + x + std::max(-left, 0);
        target.values[static_cast<size_t>(to)] = source.values[static_cast<size_t>(from)];
      }
}

Latents ImageNoise::initial() {
  const bool resize_asked = options_.resize_from_height > 0 && options_.resize_from_width > 0;
  const int height = resize_asked ? options_.resize_from_height / 8 : height_;
  const int width = resize_asked ? options_.resize_from_width / 8 : width_;
  const bool resized = height != height_ || width != width_;
  // Noise of another size leaves the image's own generator untouched; the full-size background then advances it.
  Latents noise = resized ? draw_noise(*make_generator(options_.kind, options_.seed), channels_, height, width)
                          : draw_noise(*generator_, channels_, height, width);
  if (options_.variation_strength != 0) {
    const Latents other = draw_noise(*make_generator(options_.kind, options_.variation_seed), channels_, height, width);
    noise = slerp(options_.variation_strength, noise, other);
  }
  if (resized) {
    Latents full = draw_noise(*generator_, channels_, height_, width_);
    paste_centred(noise, full);
    noise = std::move(full);
  }
  if (options_.seed_delta != 0)
    generator_ = make_generator(options_.kind, options_.seed + static_cast<uint64_t>(options_.seed_delta));
  return noise;
}

}  // namespace imagent
