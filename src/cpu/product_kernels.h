// The inner loops of products with packed weights: one set of functions an instruction set and dtype. All sums are f32 and
// run over the depth in one order, whatever the number of rows: a result depends on its own row and on its weights alone.
#pragma once
#include <cstdint>

#include "cpu/isa.h"
#include "tensor/backend.h"

namespace imagent::cpu {

// sums[r][o] (+)= sum over k of rows[r][offset + k] * panel[k][o], for `width` outputs o.
struct TileArgs {
  const void* const* rows;  // at most `tile_rows` addresses
  int64_t offset;           // elements to skip in each row
  const void* panel;        // [depth / step][width][step]
  int64_t depth;            // a multiple of `step`
  float* sums;              // [row_count][width]
  int row_count;
  bool accumulate;
  const void* ahead;        // memory that will be read soon: a line is fetched each step; any address is allowed
};

// y = act(sums + bias + per_image) + residual for consecutive rows of one image.
struct FinishArgs {
  const float* sums;      // [rows][width], one row at every sums_stride floats
  int64_t sums_stride;
  int64_t rows;
  int columns;            // outputs that exist, at most `width`
  int64_t stride;         // elements from row to row of y and residual
  void* y;
  const void* residual;   // or null; may be y
  const float* bias;      // [width] or null
  const void* per_image;  // [width] or null
  Act act;
};

// One 4x4 tile of pixels -> 16 points of Winograd's F(2x2,3x3).
struct WinogradInputArgs {
  const void* const* pixels;  // 16 addresses, row by row
  void* points;               // point p at p * point_stride elements
  int64_t point_stride;
  int64_t channels;           // a multiple of `width`
};
// 16 points -> 2x2 pixels, for consecutive tiles of one row of tiles.
struct WinogradOutputArgs {
  const float* sums;     // [16][.., width], point p at p * point_stride floats
  int64_t point_stride;
  int64_t tiles;
  float* pixels[2];      // two rows of [2 * tiles][width]
};

struct ProductKernels {
  DType dtype;
  int width;      // outputs in a panel
  int step;       // neighbours in depth that lie together in a panel: 2 for bf16
  int tile_rows;  // rows of a tile
  void (*tile)(const TileArgs&);
  void (*finish)(const FinishArgs&);
  void (*winograd_input)(const WinogradInputArgs&);
  void (*winograd_output)(const WinogradOutputArgs&);
  void (*narrow)(const float* from, void* to, int64_t count);         // f32 to `dtype`, to nearest even
  void (*widen_half)(const void* from, float* to, int64_t count);     // f16 to f32; null where it has no instruction
  const ProductKernels* of_few;  // with narrower panels, for weights of so few outputs; null in those
};

// Those of an instruction set for operands of `dtype`, or null when it has none.
const ProductKernels* product_kernels(Isa isa, DType dtype);

// What the files product_kernels.ISA.cpp define.
extern const ProductKernels product_kernels_baseline_f32, product_kernels_avx2_f32, product_kernels_avx512_f32, product_kernels_avx512bf16_bf16;

}  // namespace imagent::cpu
