// Pictures computed in overlapping tiles, in memory that one row of tiles bounds. Positions are counted in cells: the
// coarser of the input's and the output's pixels.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace imagent {

// What tiles may look like along one axis.
struct TileRules {
  int tile = 0;    // cells, 0: the whole axis is one tile
  int margin = 0;  // cells at a tile's inner borders that are thrown away: they lack what lies beyond
  int fade = 0;    // cells over which a tile passes into the next
};

// One tile along one axis: cells [begin, end), with a weight for each pixel of its output. Those of all tiles sum to 1.
struct TileSpan {
  int begin = 0, end = 0;
  std::vector<float> weights;  // [(end - begin) * pixels of a cell]
};

// Tiles of one size that cover `cells`; margins and fades give way where a tile is too small for them.
std::vector<TileSpan> tile_spans(int cells, int pixels_of_cell, TileRules rules);

struct TiledPicture {
  std::vector<TileSpan> rows, columns;
  int pixels_of_cell = 1, channels = 3;

  size_t tiles() const { return rows.size() * columns.size(); }
};

struct TileWork {
  // -> the tile's output [rows, columns, channels] in pixels
  std::function<std::vector<float>(const TileSpan& rows, const TileSpan& columns)> compute;
  // Finished rows of the output's pixels from `y` on, whole rows, from the top to the bottom.
  std::function<void(int y, std::span<const float> rows)> emit;
  std::function<void(int done, int total)> progress = {};
};

void run_tiles(const TiledPicture& picture, const TileWork& work);

}  // namespace imagent
