// Separable interpolation. torch: aten/src/ATen/native/cpu/UpSampleKernel.cpp, UpSample.h.
#include "sampling/interpolate.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace imagent {
namespace {

// The inputs of one output along a line, with their weights.
struct Taps {
  std::vector<int> at;
  std::vector<double> weights;
};

double triangle(double x) { return std::max(0.0, 1 - std::abs(x)); }

double cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// Two or four neighbours; positions outside are those of the border.
Taps neighbours(int i, int in, double scale, bool bicubic) {
  double centre = (i + 0.5) * scale - 0.5;
  if (!bicubic) centre = std::max(centre, 0.0);
  const int first = static_cast<int>(std::floor(centre));
  Taps taps;
  for (int k = bicubic ? -1 : 0; k <= (bicubic ? 2 : 1); ++k) {
    taps.at.push_back(std::clamp(first + k, 0, in - 1));
    taps.weights.push_back(bicubic ? cubic(centre - (first + k), -0.75) : triangle(centre - (first + k)));
  }
  return taps;
}

// Everything under the filter, which widens when shrinking; torch's antialiased cubic is PIL's (a = -0.5).
Taps covered(int i, int in, double scale, bool bicubic) {
  const double widening = std::max(scale, 1.0), support = (bicubic ? 2 : 1) * widening, centre = (i + 0.5) * scale;
  const int begin = std::max(0, static_cast<int>(centre - support + 0.5)), end = std::min(in, static_cast<int>(centre + support + 0.5));
  Taps taps;
  double sum = 0;
  for (int x = begin; x < end; ++x) {
    const double distance = (x - centre + 0.5) / widening;
    taps.at.push_back(x);
    sum += taps.weights.emplace_back(bicubic ? cubic(distance, -0.5) : triangle(distance));
  }
  for (double& weight : taps.weights) weight /= sum;
  return taps;
}

struct Rule {
  Interpolation mode;
  bool antialias;
};

std::vector<Taps> taps_of(int in, int out, Rule rule) {
  const double scale = static_cast<double>(in) / out;
  std::vector<Taps> all;
  for (int i = 0; i < out; ++i) {
    const bool bicubic = rule.mode == Interpolation::bicubic;
    if (rule.mode == Interpolation::nearest || rule.mode == Interpolation::nearest_exact) {
      const double half = rule.mode == Interpolation::nearest ? 0 : 0.5;
      all.push_back({{std::min(static_cast<int>((i + half) * scale), in - 1)}, {1.0}});
    } else {
      all.push_back(rule.antialias ? covered(i, in, scale, bicubic) : neighbours(i, in, scale, bicubic));
    }
  }
  return all;
}

}  // namespace

Latents interpolate(const Latents& latents, int height, int width, Interpolation mode, bool antialias) {
  check(height > 0 && width > 0, "interpolate: sizes start at 1");
  const std::vector<Taps> rows = taps_of(latents.height, height, {mode, antialias}), columns = taps_of(latents.width, width, {mode, antialias});
  Latents out(latents.channels, height, width);
  size_t at = 0;
  for (int c = 0; c < latents.channels; ++c)
    for (const Taps& row : rows)
      for (const Taps& column : columns) {
        double sum = 0;
        for (size_t j = 0; j < row.at.size(); ++j) {
          const float* line = &latents.values[(static_cast<size_t>(c) * latents.height + row.at[j]) * latents.width];
          double part = 0;
          for (size_t i = 0; i < column.at.size(); ++i) part += column.weights[i] * line[column.at[i]];
          sum += row.weights[j] * part;
        }
        out.values[at++] = static_cast<float>(sum);
      }
  return out;
}

}  // namespace imagent
