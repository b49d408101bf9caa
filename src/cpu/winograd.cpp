// 3x3 convolution by Winograd's F(2x2,3x3) (Lavin & Gray 2015): 16 products a tile of 2x2 pixels instead of 36. A block of
// tiles is transformed, multiplied and transformed back while it lies in the caches; nothing is stored in between.
// With a stride a tile gives one pixel: rare, and still little work.
#include <algorithm>

#include "cpu/product.h"

namespace imagent::cpu {
namespace {

struct Grid {
  const ProductWeight& w;
  const char* x;
  int64_t height, width, out_height, out_width, channels;
  int64_t step;                  // pixels of the input from tile to tile
  int64_t rows, columns, tiles;  // of tiles: rows and columns an image, and all
  Conv2dParams p;
  std::vector<char> zeros;  // a pixel outside of the picture

  Grid(const ProductWeight& w, const Tensor& x, const Tensor& y, const Conv2dParams& p)
      : w(w), x(x.as<char>()), height(x.dim(1)), width(x.dim(2)), out_height(y.dim(1)), out_width(y.dim(2)), channels(x.dim(3)), p(p),
        zeros(x.dim(3) * size_of(x.dtype())) {
    step = p.stride == 1 ? 2 : p.stride;
    rows = p.stride == 1 ? (out_height + 1) / 2 : out_height;
    columns = p.stride == 1 ? (out_width + 1) / 2 : out_width;
    tiles = x.dim(0) * rows * columns;
  }

  void locate(int64_t tile, const void* pixels[16]) const {
    const int64_t image = tile / (rows * columns), in_image = tile % (rows * columns);
    const int64_t top = in_image / columns * step - p.pad_top, left = in_image % columns * step - p.pad_left;
    const int64_t pixel = channels * w.element();
    for (int64_t i = 0; i < 4; ++i)
      for (int64_t j = 0; j < 4; ++j) {
        const bool inside = top + i >= 0 && top + i < height && left + j >= 0 && left + j < width;
        pixels[4 * i + j] = inside ? x + ((image * height + top + i) * width + left + j) * pixel : zeros.data();
      }
  }
};

int64_t tiles_of_block(const Grid& grid, int threads) {
  constexpr int64_t point_bytes = 640 << 10;  // of transformed pixels: a part of the second cache
  const int64_t tile_rows = grid.w.kernels->tile_rows;
  int64_t tiles = std::clamp<int64_t>(point_bytes / (16 * grid.channels * grid.w.element()), 32, 128);
  tiles = std::min(tiles, (grid.tiles + 4 * threads - 1) / (4 * threads));  // enough blocks for all threads
  return (tiles + tile_rows - 1) / tile_rows * tile_rows;
}

// sums [16][block][width] = points x panel.
void multiply(const Grid& grid, int64_t panel, const void* const* rows, int64_t count, int64_t block, float* sums) {
  const ProductKernels& kernels = *grid.w.kernels;
  const int64_t bytes = grid.w.depth * kernels.width * grid.w.element();
  const char* from = grid.w.panel(panel);
  for (int64_t point = 0; point < 16; ++point, from += bytes) {
    const char* ahead = from + bytes;
    for (int64_t r = 0; r < count; r += kernels.tile_rows) {
      kernels.tile({.rows = rows + r,
                    .offset = point * block * grid.channels,
                    .panel = from,
                    .depth = grid.w.depth,
                    .sums = sums + (point * block + r) * kernels.width,
                    .row_count = static_cast<int>(std::min<int64_t>(kernels.tile_rows, count - r)),
                    .accumulate = false,
                    .ahead = ahead});
      ahead += grid.w.depth / kernels.step * 64;
      if (ahead >= from + 2 * bytes) ahead = from;
    }
  }
}

// Tiles [begin, end) of one row of tiles: sums -> pixels of the picture. `pixels` has room for [4 * block][width].
void store(const Grid& grid, const ProductOutput& out, int64_t panel, int64_t begin, int64_t end, const float* sums, int64_t block,
           float* pixels) {
  const int64_t width = grid.w.kernels->width, count = end - begin;
  float* lower = pixels + 2 * block * width;
  grid.w.kernels->winograd_output({.sums = sums, .point_stride = block * width, .tiles = count, .pixels = {pixels, lower}});
  const int64_t image = begin / (grid.rows * grid.columns), row = begin / grid.columns % grid.rows, column = begin % grid.columns;
  if (grid.p.stride > 1) {
    out.finish(panel, (image * grid.out_height + row) * grid.out_width + column, count, pixels, 2 * width);
    return;
  }
  const int64_t at = (image * grid.out_height + 2 * row) * grid.out_width + 2 * column;
  const int64_t run = std::min(2 * count, grid.out_width - 2 * column);
  out.finish(panel, at, run, pixels, width);
  if (2 * row + 1 < grid.out_height) out.finish(panel, at + grid.out_width, run, lower, width);
}

}  // namespace

void winograd_conv2d(ThreadPool& pool, Tensor& y, const Tensor& x, const ProductWeight& w, const Conv2dParams& p, const Epilogue& e) {
  const ProductOutput out(y, e, w);
  const Grid grid(w, x, y, p);
  const ProductKernels& kernels = *w.kernels;
  const int64_t block = tiles_of_block(grid, pool.threads());
  pool.run((grid.tiles + block - 1) / block, [&](int64_t piece, int) {
    const int64_t begin = piece * block, end = std::min(grid.tiles, begin + block), count = end - begin;
    Scratch scratch(static_cast<size_t>(block * (16 * grid.channels * w.element() + 20 * kernels.width * 4 + 8)) + 4 * 64);
    char* points = scratch.take<char>(16 * block * grid.channels * w.element());
    float* sums = scratch.take<float>(16 * block * kernels.width);
    float* pixels = scratch.take<float>(4 * block * kernels.width);
    const void** rows = scratch.take<const void*>(block);
    for (int64_t t = 0; t < count; ++t) {
      rows[t] = points + t * grid.channels * w.element();
      const void* around[16];
      grid.locate(begin + t, around);
      kernels.winograd_input({.pixels = around,
                              .points = points + t * grid.channels * w.element(),
                              .point_stride = block * grid.channels,
                              .channels = grid.channels});
    }
    for (int64_t panel = 0; panel < w.panels; ++panel) {
      multiply(grid, panel, rows, count, block, sums);
      for (int64_t t = begin; t < end;) {
        const int64_t next = std::min(end, (t / grid.columns + 1) * grid.columns);
        store(grid, out, panel, t, next, sums + (t - begin) * kernels.width, block, pixels);
        t = next;
      }
    }
  });
}

}  // namespace imagent::cpu
