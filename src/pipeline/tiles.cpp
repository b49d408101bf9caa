// Overlapping tiles.
#include "pipeline/tiles.h"

#include <algorithm>

#include "base/error.h"

namespace imagent {
namespace {

// Where a tile passes into the next: cells [begin, begin + length).
struct Fade {
  int begin = 0, length = 0;
};

Fade fade_between(const TileSpan& left, const TileSpan& right, const TileRules& rules) {
  const int overlap = left.end - right.begin, length = std::min(rules.fade, overlap - 2 * rules.margin);
  return {right.begin + (overlap - length) / 2, length};
}

// The part that the right one of two tiles has in pixel `at` (counted from the axis' start).
float share_of_right(const Fade& fade, int at, int pixels_of_cell) {
  const int begin = fade.begin * pixels_of_cell, length = fade.length * pixels_of_cell;
  if (at < begin) return 0;
  return at >= begin + length ? 1 : (static_cast<float>(at - begin) + 0.5f) / static_cast<float>(length);
}

// The pixels whose weight is not zero.
std::pair<size_t, size_t> seen_part(const TileSpan& span) {
  const auto seen = [](float weight) { return weight > 0; };
  const auto first = std::find_if(span.weights.begin(), span.weights.end(), seen);
  const auto last = std::find_if(span.weights.rbegin(), span.weights.rend(), seen);
  return {first - span.weights.begin(), span.weights.rend() - last};
}

}  // namespace

std::vector<TileSpan> tile_spans(int cells, int pixels_of_cell, TileRules rules) {
  check(cells > 0 && rules.tile >= 0 && rules.margin >= 0 && rules.fade >= 0, "tiles of ", rules.tile, " on ", cells, " cells");
  if (rules.tile == 0 || cells <= rules.tile) return {{0, cells, std::vector<float>(static_cast<size_t>(cells) * pixels_of_cell, 1.0f)}};
  rules.margin = std::min(rules.margin, (rules.tile - 1) / 4);
  rules.fade = std::min(rules.fade, (rules.tile - 2 * rules.margin) / 3);  // two fades never meet
  const int overlap = 2 * rules.margin + rules.fade, step = rules.tile - overlap;
  const int count = (cells - overlap + step - 1) / step;
  const int tile = (cells + (count - 1) * overlap + count - 1) / count;  // as small as the count allows
  std::vector<TileSpan> spans(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    spans[i].begin = static_cast<int>(int64_t{i} * (cells - tile) / std::max(1, count - 1));
    spans[i].end = spans[i].begin + tile;
  }
  for (int i = 0; i < count; ++i) {
    for (int p = 0; p < tile * pixels_of_cell; ++p) {
      const int at = spans[i].begin * pixels_of_cell + p;
      float weight = 1;
      if (i > 0) weight = std::min(weight, share_of_right(fade_between(spans[i - 1], spans[i], rules), at, pixels_of_cell));
      if (i + 1 < count) weight = std::min(weight, 1 - share_of_right(fade_between(spans[i], spans[i + 1], rules), at, pixels_of_cell));
      spans[i].weights.push_back(weight);
    }
  }
  return spans;
}

void run_tiles(const TiledPicture& picture, const TileWork& work) {
  const int cell = picture.pixels_of_cell, channels = picture.channels;
  const size_t row = static_cast<size_t>(picture.columns.back().end) * cell * channels;
  std::vector<float> band;  // the pixel rows from the present tiles' top on
  int done = 0;
  for (size_t i = 0; i < picture.rows.size(); ++i) {
    const TileSpan& rows = picture.rows[i];
    band.resize(static_cast<size_t>(rows.end - rows.begin) * cell * row);
    const auto [top, bottom] = seen_part(rows);
    for (const TileSpan& columns : picture.columns) {
      const std::vector<float> values = work.compute(rows, columns);
      check(values.size() == rows.weights.size() * columns.weights.size() * channels, "a tile gave ", values.size(), " values");
      const auto [left, right] = seen_part(columns);
      for (size_t y = top; y < bottom; ++y)
        for (size_t x = left; x < right; ++x) {
          const float weight = rows.weights[y] * columns.weights[x];
          const float* from = &values[(y * columns.weights.size() + x) * channels];
          float* to = &band[y * row + (static_cast<size_t>(columns.begin) * cell + x) * channels];
          for (int c = 0; c < channels; ++c) to[c] += weight * from[c];
        }
      if (work.progress) work.progress(++done, static_cast<int>(picture.tiles()));
    }
    const bool last = i + 1 == picture.rows.size();
    const size_t finished = static_cast<size_t>((last ? rows.end : picture.rows[i + 1].begin) - rows.begin) * cell * row;
    work.emit(rows.begin * cell, std::span(band).first(finished));
    band.erase(band.begin(), band.begin() + static_cast<std::ptrdiff_t>(finished));
  }
}

}  // namespace imagent
