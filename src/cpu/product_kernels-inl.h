// The inner loops of products as templates over the vectors of an instruction set; included by product_kernels.ISA.cpp
// only, and all in an anonymous namespace: code made for one instruction set must not be linked into another's callers.
// Winograd F(2x2,3x3) follows Lavin & Gray 2015, "Fast algorithms for convolutional neural networks".
#pragma once
#include "cpu/elementwise_kernels-inl.h"
#include "cpu/product_kernels.h"

namespace imagent::cpu {
namespace {

// V gives: Element, Float (a vector), lanes, vectors (a panel's usual width in vectors), tile_rows, step,
// zero, load, store, add, sub, broadcast (step elements), multiply_add(acc, broadcast, panel), from_elements, to_elements,
// and from_halves (f16) where there is an instruction for it.
template <class V, int vectors = V::vectors, int tile_rows = V::tile_rows>
struct Kernels {
  using Element = typename V::Element;
  using Float = typename V::Float;
  static constexpr int lanes = V::lanes, width = lanes * vectors;

  // Everything is unrolled so that the sums live in registers.
  template <int rows>
  static void tile_of(const TileArgs& a) {
    const Element* row[rows];
    Float sum[rows][vectors];
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      row[r] = static_cast<const Element*>(a.rows[r]) + a.offset;
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sum[r][v] = V::zero();
    }
    if (a.accumulate)
#pragma GCC unroll 16
      for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sum[r][v] = V::load(a.sums + r * width + v * lanes);
    const auto* panel = static_cast<const Element*>(a.panel);
    const auto* ahead = static_cast<const char*>(a.ahead);
    for (int64_t k = 0; k < a.depth; k += V::step, panel += width * V::step, ahead += 64) {
      __builtin_prefetch(ahead, 0, 2);
      typename V::Operand b[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) b[v] = V::load_operand(panel + v * lanes * V::step);
#pragma GCC unroll 16
      for (int r = 0; r < rows; ++r) {
        const typename V::Operand x = V::broadcast(row[r] + k);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sum[r][v] = V::multiply_add(sum[r][v], x, b[v]);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) V::store(a.sums + r * width + v * lanes, sum[r][v]);
  }

  template <int rows>
  static void tile_upto(const TileArgs& a) {
    if (a.row_count == rows) return tile_of<rows>(a);
    if constexpr (rows > 1) tile_upto<rows - 1>(a);
  }
  static void tile(const TileArgs& a) { tile_upto<tile_rows>(a); }

  // Rows whose `width` outputs all exist.
  static void finish_rows(const FinishArgs& a) {
    auto* y = static_cast<Element*>(a.y);
    const auto* residual = static_cast<const Element*>(a.residual);
    Float bias[vectors], image[vectors];
    for (int v = 0; v < vectors; ++v) {
      bias[v] = a.bias ? V::load(a.bias + v * lanes) : V::zero();
      image[v] = a.per_image ? V::from_elements(static_cast<const Element*>(a.per_image) + v * lanes) : V::zero();
    }
    for (int64_t r = 0; r < a.rows; ++r, y += a.stride) {
      Float x[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) x[v] = V::add(V::add(V::load(a.sums + r * a.sums_stride + v * lanes), bias[v]), image[v]);
      if (a.act != Act::none)
        with_act(a.act, [&](auto f) {
          for (Float& part : x) part = f(part);
        });
      if (residual)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) x[v] = V::add(x[v], V::from_elements(residual + r * a.stride + v * lanes));
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) V::to_elements(y + v * lanes, x[v]);
    }
  }

  static void finish(const FinishArgs& a) {
    if (a.columns == width) return finish_rows(a);
    // The last panel of a weight: a row at a time through memory of full width.
    auto* y = static_cast<Element*>(a.y);
    const auto* residual = static_cast<const Element*>(a.residual);
    Element image[width] = {}, before[width] = {}, after[width];
    FinishArgs row = a;
    row.rows = 1;
    row.y = after;
    if (a.per_image) {
      for (int i = 0; i < a.columns; ++i) image[i] = static_cast<const Element*>(a.per_image)[i];
      row.per_image = image;
    }
    for (int64_t r = 0; r < a.rows; ++r) {
      row.sums = a.sums + r * a.sums_stride;
      if (residual) {
        for (int i = 0; i < a.columns; ++i) before[i] = residual[r * a.stride + i];
        row.residual = before;
      }
      finish_rows(row);
      for (int i = 0; i < a.columns; ++i) y[r * a.stride + i] = after[i];
    }
  }

  static void winograd_input(const WinogradInputArgs& a) {
    for (int64_t c = 0; c < a.channels; c += lanes) {
      Float t[4][4];  // B^T d
      for (int j = 0; j < 4; ++j) {
        Float d[4];
        for (int i = 0; i < 4; ++i) d[i] = V::from_elements(static_cast<const Element*>(a.pixels[4 * i + j]) + c);
        t[0][j] = V::sub(d[0], d[2]);
        t[1][j] = V::add(d[1], d[2]);
        t[2][j] = V::sub(d[2], d[1]);
        t[3][j] = V::sub(d[1], d[3]);
      }
      Element* to = static_cast<Element*>(a.points) + c;
      for (int i = 0; i < 4; ++i, to += 4 * a.point_stride) {
        V::to_elements(to, V::sub(t[i][0], t[i][2]));
        V::to_elements(to + a.point_stride, V::add(t[i][1], t[i][2]));
        V::to_elements(to + 2 * a.point_stride, V::sub(t[i][2], t[i][1]));
        V::to_elements(to + 3 * a.point_stride, V::sub(t[i][1], t[i][3]));
      }
    }
  }

  static void winograd_output(const WinogradOutputArgs& a) {
    for (int64_t tile = 0; tile < a.tiles; ++tile)
      for (int v = 0; v < vectors; ++v) {
        const float* from = a.sums + tile * width + v * lanes;
        Float t[2][4];  // A^T m
        for (int j = 0; j < 4; ++j) {
          Float m[4];
          for (int i = 0; i < 4; ++i) m[i] = V::load(from + (4 * i + j) * a.point_stride);
          t[0][j] = V::add(V::add(m[0], m[1]), m[2]);
          t[1][j] = V::sub(V::sub(m[1], m[2]), m[3]);
        }
        for (int i = 0; i < 2; ++i) {
          float* to = a.pixels[i] + 2 * tile * width + v * lanes;
          V::store(to, V::add(V::add(t[i][0], t[i][1]), t[i][2]));
          V::store(to + width, V::sub(V::sub(t[i][1], t[i][2]), t[i][3]));
        }
      }
  }

  static void narrow(const float* from, void* to, int64_t count) {
    auto* elements = static_cast<Element*>(to);
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) V::to_elements(elements + i, V::load(from + i));
    if (i == count) return;
    float rest[lanes] = {};
    Element last[lanes];
    for (int64_t j = i; j < count; ++j) rest[j - i] = from[j];
    V::to_elements(last, V::load(rest));
    for (int64_t j = i; j < count; ++j) elements[j] = last[j - i];
  }

  static void widen_half(const void* from, float* to, int64_t count) {
    const auto* halves = static_cast<const char*>(from);  // perhaps at an odd address
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) V::store(to + i, V::from_halves(halves + 2 * i));
    if (i == count) return;
    char rest[2 * lanes] = {};
    float last[lanes];
    for (int64_t j = 2 * i; j < 2 * count; ++j) rest[j - 2 * i] = halves[j];
    V::store(last, V::from_halves(rest));
    for (int64_t j = i; j < count; ++j) to[j] = last[j - i];
  }

  static constexpr ProductKernels table(DType dtype, const ProductKernels* of_few) {
    ProductKernels all{dtype, width, V::step, tile_rows, tile, finish, winograd_input, winograd_output, narrow, nullptr, of_few};
    if constexpr (requires { &V::from_halves; }) all.widen_half = widen_half;
    return all;
  }
};

// With panels of one vector, and as many sums in registers.
template <class V, DType dtype>
constexpr ProductKernels kernels_of_few = Kernels<V, 1, V::vectors * V::tile_rows>::table(dtype, nullptr);

template <class V, DType dtype>
constexpr ProductKernels all_kernels = Kernels<V>::table(dtype, &kernels_of_few<V, dtype>);

}  // namespace
}  // namespace imagent::cpu
