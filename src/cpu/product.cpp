// Linear and direct convolution: blocks of rows times panels of weights, both small enough for the caches.
#include "cpu/product.h"

#include <algorithm>
#include <cstring>

namespace imagent::cpu {

ProductOutput::ProductOutput(Tensor& y, const Epilogue& e, const ProductWeight& w)
    : w(w),
      rows(y.numel() / w.out),
      rows_per_image(y.dim(0) ? rows / y.dim(0) : 1),
      y_(y.as<char>()),
      residual_(e.residual ? e.residual.as<char>() : nullptr),
      per_image_(e.per_image ? e.per_image.as<char>() : nullptr),
      act_(e.act) {}

void ProductOutput::finish(int64_t panel, int64_t begin, int64_t count, const float* sums, int64_t sums_stride) const {
  const int64_t width = w.kernels->width, column = panel * width, at = (begin * w.out + column) * w.element();
  w.kernels->finish({
      .sums = sums,
      .sums_stride = sums_stride,
      .rows = count,
      .columns = static_cast<int>(std::min(width, w.out - column)),
      .stride = w.out,
      .y = y_ + at,
      .residual = residual_ ? residual_ + at : nullptr,
      .bias = w.bias.empty() ? nullptr : w.bias.data() + column,
      .per_image = per_image_ ? per_image_ + (begin / rows_per_image * w.out + column) * w.element() : nullptr,
      .act = act_,
  });
}

namespace {

// How the work is cut. Only speed depends on it: each result is one sum in one order.
struct Blocks {
  int64_t rows, row_blocks;      // rows of a block, and how many blocks
  int64_t panels, panel_blocks;
  int64_t depth;                 // of the left operand's part that stays in the second cache, with `rows` rows
  int64_t group;                 // panels that take turns with it
};

Blocks cut(const ProductOutput& out, int threads) {
  const ProductWeight& w = out.w;
  constexpr int64_t depth_bytes = 2560, left_bytes = 320 << 10;
  constexpr double least_flop = 500e3;  // a piece shorter than some microseconds does not pay
  const int64_t tile = w.kernels->tile_rows, step = w.kernels->step, element = w.element();
  Blocks b;
  const int64_t parts = (w.depth * element + depth_bytes - 1) / depth_bytes;
  b.depth = ((w.depth + parts - 1) / parts + step - 1) / step * step;
  b.rows = std::clamp<int64_t>(left_bytes / (b.depth * element), 64, 256) / tile * tile;
  b.rows = std::min(b.rows, (out.rows + tile - 1) / tile * tile);
  b.row_blocks = (out.rows + b.rows - 1) / b.rows;
  const double flop = 2.0 * static_cast<double>(out.rows) * static_cast<double>(w.panels * w.panel_elements());
  const auto most = static_cast<int64_t>(std::clamp(flop / least_flop, 1.0, 1e6));
  const int64_t wanted = std::min<int64_t>(8 * threads, most);
  const int64_t blocks = std::clamp<int64_t>((wanted + b.row_blocks - 1) / b.row_blocks, 1, w.panels);
  b.panels = (w.panels + blocks - 1) / blocks;
  b.panel_blocks = (w.panels + b.panels - 1) / b.panels;
  b.group = b.rows * w.depth * element > 2 * left_bytes ? std::min<int64_t>(8, b.panels) : 1;
  return b;
}

// A block of rows: begin, count and their addresses; sums [group][count][width].
struct RowBlock {
  int64_t begin, count;
  const void** rows;
  float* sums;
};

// Finishes rows of a panel image by image.
void finish_rows(const ProductOutput& out, int64_t panel, int64_t begin, int64_t count, const float* sums) {
  const int64_t width = out.w.kernels->width, end = begin + count;
  for (int64_t r = begin; r < end;) {
    const int64_t next = std::min(end, (r / out.rows_per_image + 1) * out.rows_per_image);
    out.finish(panel, r, next - r, sums + (r - begin) * width, width);
    r = next;
  }
}

// sums of one panel += rows x panel over one part of the depth of one tap; after the last part the results are finished.
void multiply_part(const ProductOutput& out, int64_t panel, const RowBlock& block, int64_t tap, int64_t offset, int64_t k, int64_t depth) {
  const ProductWeight& w = out.w;
  const ProductKernels& kernels = *w.kernels;
  const int64_t row_bytes = kernels.width * w.element(), bytes = depth * row_bytes;
  const char* from = w.panel(panel) + (tap * w.depth + k) * row_bytes;
  const char* ahead = from + bytes;  // the next part, or the next panel's first
  const bool last = tap == w.taps - 1 && k + depth == w.depth;
  for (int64_t r = 0; r < block.count; r += kernels.tile_rows) {
    const int64_t count = std::min<int64_t>(kernels.tile_rows, block.count - r);
    float* sums = block.sums + r * kernels.width;
    kernels.tile({.rows = block.rows + r,
                  .offset = offset + k,
                  .panel = from,
                  .depth = depth,
                  .sums = sums,
                  .row_count = static_cast<int>(count),
                  .accumulate = tap + k > 0,
                  .ahead = ahead});
    ahead += depth / kernels.step * 64;
    if (ahead >= from + 2 * bytes) ahead = from;
    if (last) finish_rows(out, panel, block.begin + r, count, sums);
  }
}

// locate(begin, count, rows, scratch) gives the addresses of rows of the left operand; it may take
// `scratch_bytes` a row to build them in. offsets: of each tap.
template <class Locate>
void run_product(ThreadPool& pool, const ProductOutput& out, const int64_t* offsets, int64_t scratch_bytes, Locate&& locate) {
  const ProductWeight& w = out.w;
  const Blocks blocks = cut(out, pool.threads());
  pool.run(blocks.row_blocks * blocks.panel_blocks, [&](int64_t piece, int) {
    const int64_t begin = piece % blocks.row_blocks * blocks.rows, count = std::min(out.rows - begin, blocks.rows);
    const int64_t first = piece / blocks.row_blocks * blocks.panels, last = std::min(w.panels, first + blocks.panels);
    const int64_t panel_sums = count * w.kernels->width;
    Scratch scratch(static_cast<size_t>(count * (8 + scratch_bytes) + blocks.group * panel_sums * 4) + 4 * 64);
    const void** rows = scratch.take<const void*>(count);
    float* sums = scratch.take<float>(blocks.group * panel_sums);
    locate(begin, count, rows, scratch);
    for (int64_t group = first; group < last; group += blocks.group)
      for (int64_t tap = 0; tap < w.taps; ++tap)
        for (int64_t k = 0; k < w.depth; k += blocks.depth)
          for (int64_t panel = group; panel < std::min(last, group + blocks.group); ++panel)
            multiply_part(out, panel, {begin, count, rows, sums + (panel - group) * panel_sums}, tap, offsets[tap], k,
                          std::min(blocks.depth, w.depth - k));
  });
}

// Where the pixels of a convolution lie.
struct Pixels {
  int64_t height, width, out_height, out_width, channels;
  Conv2dParams p;
  int64_t element;

  Pixels(const Tensor& x, const Tensor& y, const Conv2dParams& p)
      : height(x.dim(1)), width(x.dim(2)), out_height(y.dim(1)), out_width(y.dim(2)), channels(x.dim(3)), p(p),
        element(static_cast<int64_t>(size_of(x.dtype()))) {}
};

void gathered_conv2d(ThreadPool& pool, const ProductOutput& out, const Tensor& x, const Packed& packed, const Pixels& g) {
  const int64_t pixel = g.channels * g.element, row_bytes = out.w.depth * g.element, no_offset = 0;
  const char* from = x.as<char>();
  run_product(pool, out, &no_offset, row_bytes, [&](int64_t begin, int64_t count, const void** rows, Scratch& scratch) {
    char* to = scratch.take<char>(count * row_bytes);
    std::memset(to, 0, count * row_bytes);
    for (int64_t r = 0; r < count; ++r, to += row_bytes) {
      rows[r] = to;
      const int64_t image = (begin + r) / out.rows_per_image, at = (begin + r) % out.rows_per_image;
      const int64_t top = at / g.out_width * g.p.stride - g.p.pad_top, left = at % g.out_width * g.p.stride - g.p.pad_left;
      const int64_t first = std::max<int64_t>(0, -left), last = std::min<int64_t>(packed.kernel_w, g.width - left);
      for (int64_t i = 0; i < packed.kernel_h; ++i)
        if (top + i >= 0 && top + i < g.height && first < last)
          std::memcpy(to + (i * packed.kernel_w + first) * pixel, from + ((image * g.height + top + i) * g.width + left + first) * pixel,
                      (last - first) * pixel);
    }
  });
}

void taps_conv2d(ThreadPool& pool, const ProductOutput& out, const Tensor& x, const Packed& packed, const Pixels& g) {
  // A copy with its border of zeros: then each row of the kernel is one offset for all pixels, and its pixels lie side by side.
  const int64_t pixel = g.channels * g.element, images = x.dim(0);
  const int64_t height = g.height + g.p.pad_top + g.p.pad_bottom, width = g.width + g.p.pad_left + g.p.pad_right;
  const auto buffer = x.backend().allocate(static_cast<size_t>(images * height * width * pixel));
  auto* padded = static_cast<char*>(buffer->data);
  pool.run_ranges(images * height, std::max<int64_t>(1, (128 << 10) / (width * pixel)), [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      char* to = padded + r * width * pixel;
      const int64_t i = r % height - g.p.pad_top;
      if (i < 0 || i >= g.height) {
        std::memset(to, 0, width * pixel);
        continue;
      }
      std::memset(to, 0, g.p.pad_left * pixel);
      std::memcpy(to + g.p.pad_left * pixel, x.as<char>() + (r / height * g.height + i) * g.width * pixel, g.width * pixel);
      std::memset(to + (g.p.pad_left + g.width) * pixel, 0, g.p.pad_right * pixel);
    }
  });
  std::vector<int64_t> offsets;
  for (int64_t i = 0; i < packed.kernel_h; ++i) offsets.push_back(i * width * g.channels);
  run_product(pool, out, offsets.data(), 0, [&](int64_t begin, int64_t count, const void** rows, Scratch&) {
    for (int64_t r = 0; r < count; ++r) {
      const int64_t image = (begin + r) / out.rows_per_image, at = (begin + r) % out.rows_per_image;
      rows[r] = padded + ((image * height + at / g.out_width * g.p.stride) * width + at % g.out_width * g.p.stride) * pixel;
    }
  });
}

}  // namespace

void product_linear(ThreadPool& pool, Tensor& y, const Tensor& x, const ProductWeight& w, const Epilogue& e) {
  const ProductOutput out(y, e, w);
  const int64_t in = x.dim(-1), row_bytes = in * w.element(), no_offset = 0;
  const char* from = x.as<char>();
  if (in == w.depth) {
    run_product(pool, out, &no_offset, 0, [&](int64_t begin, int64_t count, const void** rows, Scratch&) {
      for (int64_t r = 0; r < count; ++r) rows[r] = from + (begin + r) * row_bytes;
    });
    return;
  }
  // An odd depth: rows are copied and filled up.
  const int64_t copied = w.depth * w.element();
  run_product(pool, out, &no_offset, copied, [&](int64_t begin, int64_t count, const void** rows, Scratch& scratch) {
    char* to = scratch.take<char>(count * copied);
    for (int64_t r = 0; r < count; ++r, to += copied) {
      rows[r] = to;
      std::memcpy(to, from + (begin + r) * row_bytes, row_bytes);
      std::memset(to + row_bytes, 0, copied - row_bytes);
    }
  });
}

void product_conv2d(ThreadPool& pool, Tensor& y, const Tensor& x, const Packed& packed, const Conv2dParams& p, const Epilogue& e) {
  const auto& w = static_cast<const ProductWeight&>(*packed.data);
  if (w.form == ProductForm::winograd) return winograd_conv2d(pool, y, x, w, p, e);
  const ProductOutput out(y, e, w);
  const Pixels pixels(x, y, p);
  if (w.form == ProductForm::gathered)
    gathered_conv2d(pool, out, x, packed, pixels);
  else
    taps_conv2d(pool, out, x, packed, pixels);
}

}  // namespace imagent::cpu
