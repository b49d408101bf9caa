// Packing weights, panel by panel: no widened copy of a whole weight ever exists.
#include "cpu/product_weight.h"

#include <algorithm>
#include <cstring>

namespace imagent::cpu {
namespace {

// Winograd's weights are 16/9 of the plain ones, and it pays where pictures are large: there channels are few. The bound
// lets in the two upper levels of SD's UNets and all of its autoencoders.
constexpr int64_t winograd_most = 640 * 1920, winograd_least_in = 64;
constexpr int64_t gathered_most_in = 16;

ProductForm form_of(const Shape& shape, const ProductKernels& kernels) {
  if (shape.rank() == 2) return ProductForm::rows;
  const int64_t out = shape[0], in = shape[1];
  if (in < gathered_most_in || in % kernels.step != 0) return ProductForm::gathered;
  const bool transformable = shape[2] == 3 && shape[3] == 3 && in % kernels.width == 0;
  if (transformable && in >= winograd_least_in && in * out <= winograd_most) return ProductForm::winograd;
  return ProductForm::taps;
}

// Elements of the file as f32.
void widen(const ProductKernels& kernels, const HostView& weight, int64_t first, int64_t count, float* to) {
  const char* from = static_cast<const char*>(weight.data) + first * static_cast<int64_t>(size_of(weight.dtype));
  if (weight.dtype == DType::f16 && kernels.widen_half)
    kernels.widen_half(from, to, count);
  else
    widen_to_f32(weight.dtype, from, to, static_cast<size_t>(count));
}

// G g G^T for all channels of one output: g [in][9] -> points [in][16]. `planes` has room for [25][in].
void winograd_weight(const float* g, int64_t in, float* planes, float* points) {
  for (int64_t c = 0; c < in; ++c)
    for (int p = 0; p < 9; ++p) planes[p * in + c] = g[c * 9 + p];
  float* out = planes + 9 * in;
  const auto row = [](float a, float b, float c, float* t) {
    t[0] = a;
    t[1] = 0.5f * (a + b + c);
    t[2] = 0.5f * (a - b + c);
    t[3] = c;
  };
  for (int64_t c = 0; c < in; ++c) {
    const float* p = planes + c;
    float t[3][4], u[4];
    for (int j = 0; j < 3; ++j) row(p[j * in], p[(3 + j) * in], p[(6 + j) * in], t[j]);
    for (int i = 0; i < 4; ++i) {
      row(t[0][i], t[1][i], t[2][i], u);
      for (int j = 0; j < 4; ++j) out[(4 * i + j) * in + c] = u[j];
    }
  }
  for (int64_t c = 0; c < in; ++c)
    for (int p = 0; p < 16; ++p) points[c * 16 + p] = out[p * in + c];
}

// One panel's rows [in][positions], on their way: at a stride that puts neighbours into different sets of the nearest cache.
struct PanelRows {
  PanelRows(int64_t in, int64_t positions, int64_t element)
      : in(in), positions(positions), stride_bytes((in * positions * element + 4095) / 4096 * 4096 + 576) {}
  int64_t in, positions, stride_bytes;
  char* data = nullptr;

  char* row(int64_t i) const { return data + i * stride_bytes; }
};

// rows -> panel [taps][depth / step][width][step]. Where a tap has several positions they follow each other in its depth.
template <class T>
void interleave(const ProductWeight& w, const PanelRows& rows, T* panel) {
  constexpr int64_t step = 4 / sizeof(T);  // a word of neighbours in depth
  constexpr int64_t block = 16;            // so many channels at a time stay in the nearest cache
  const int64_t width = w.kernels->width;
  for (int64_t c0 = 0; c0 < rows.in; c0 += block)
    for (int64_t p = 0; p < rows.positions; ++p)
      for (int64_t o = 0; o < width; ++o) {
        const T* from = reinterpret_cast<const T*>(rows.row(o)) + p;
        for (int64_t c = c0; c < std::min(rows.in, c0 + block); ++c) {
          const auto k = static_cast<uint64_t>(p * rows.in + c);
          panel[(k / step * width + o) * step + k % step] = from[c * rows.positions];
        }
      }
}

void pack_panel(const ProductWeight& w, const HostView& weight, int64_t panel) {
  const ProductKernels& kernels = *w.kernels;
  const bool winograd = w.form == ProductForm::winograd;
  const int64_t in = weight.shape[1], source_positions = weight.shape.rank() == 4 ? weight.shape[2] * weight.shape[3] : 1;
  const int64_t positions = winograd ? 16 : source_positions, row = in * positions, width = kernels.width;
  PanelRows rows(in, positions, w.element());
  Scratch scratch(static_cast<size_t>((in * source_positions + 25 * in + row) * 4 + width * rows.stride_bytes) + 4 * 64);
  float* source = scratch.take<float>(in * source_positions);
  float* planes = scratch.take<float>(25 * in);
  float* points = scratch.take<float>(row);
  rows.data = scratch.take<char>(width * rows.stride_bytes);
  const int64_t first = panel * width, count = std::min(width, w.out - first);
  for (int64_t o = count; o < width; ++o) std::memset(rows.row(o), 0, row * w.element());
  for (int64_t o = 0; o < count; ++o) {
    widen(kernels, weight, (first + o) * in * source_positions, in * source_positions, source);
    if (winograd) winograd_weight(source, in, planes, points);
    kernels.narrow(winograd ? points : source, rows.row(o), row);
  }
  char* to = static_cast<char*>(w.weight.data()) + panel * w.panel_elements() * w.element();
  if (in * positions != w.taps * w.depth) std::memset(to, 0, w.panel_elements() * w.element());  // the depth is rounded up
  if (w.element() == 2)
    interleave(w, rows, reinterpret_cast<uint16_t*>(to));
  else
    interleave(w, rows, reinterpret_cast<float*>(to));
}

}  // namespace

Packed pack_product(ThreadPool& pool, const ProductKernels& usual, const HostView& weight, const HostView& bias) {
  const Shape& shape = weight.shape;
  const ProductKernels& kernels = usual.of_few && shape[0] <= usual.of_few->width ? *usual.of_few : usual;
  const bool conv = shape.rank() == 4;
  const int64_t in = shape[1], out = shape[0], positions = conv ? shape[2] * shape[3] : 1;
  auto w = std::make_shared<ProductWeight>();
  w->kernels = &kernels;
  w->form = form_of(shape, kernels);
  w->out = out;
  w->panels = (out + kernels.width - 1) / kernels.width;
  w->taps = w->form == ProductForm::winograd ? 16 : w->form == ProductForm::taps ? shape[2] : 1;
  const int64_t depth = w->form == ProductForm::gathered ? in * positions : w->form == ProductForm::taps ? in * shape[3] : in;
  w->depth = (depth + kernels.step - 1) / kernels.step * kernels.step;
  w->weight = AlignedMemory(static_cast<size_t>(w->panels * w->panel_elements() * w->element()));
  if (bias.data) {
    w->bias.resize(static_cast<size_t>(w->panels * kernels.width));
    widen_to_f32(bias.dtype, bias.data, w->bias.data(), static_cast<size_t>(out));
  }
  pool.run(w->panels, [&](int64_t panel, int) { pack_panel(*w, weight, panel); });
  const size_t bytes = w->weight.bytes() + w->bias.size() * sizeof(float);
  return {in, out, conv ? static_cast<int>(shape[2]) : 1, conv ? static_cast<int>(shape[3]) : 1, kernels.dtype, bytes, w};
}

}  // namespace imagent::cpu
