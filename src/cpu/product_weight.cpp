// Packing weights, panel by panel: no widened copy of a whole weight ever exists.
#include "cpu/product_weight.h"

#include <algorithm>

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

// G g G^T of one 3x3 kernel: 16 points.
void winograd_weight(const float* g, float* points, int64_t point_stride) {
  float t[4][3];
  for (int j = 0; j < 3; ++j) {
    const float a = g[j], b = g[3 + j], c = g[6 + j];
    t[0][j] = a;
    t[1][j] = 0.5f * (a + b + c);
    t[2][j] = 0.5f * (a - b + c);
    t[3][j] = c;
  }
  for (int i = 0; i < 4; ++i) {
    const float a = t[i][0], b = t[i][1], c = t[i][2];
    points[(4 * i) * point_stride] = a;
    points[(4 * i + 1) * point_stride] = 0.5f * (a + b + c);
    points[(4 * i + 2) * point_stride] = 0.5f * (a - b + c);
    points[(4 * i + 3) * point_stride] = c;
  }
}

// from [in][kernel positions] of one output -> to [taps][depth]; what is not written stays as it is.
void arrange(const ProductWeight& w, int64_t in, int64_t positions, const float* from, float* to) {
  switch (w.form) {
    case ProductForm::rows: std::copy_n(from, in, to); break;
    case ProductForm::gathered:
      for (int64_t c = 0; c < in; ++c)
        for (int64_t p = 0; p < positions; ++p) to[p * in + c] = from[c * positions + p];
      break;
    case ProductForm::taps:
      for (int64_t c = 0; c < in; ++c)
        for (int64_t p = 0; p < positions; ++p) to[p * w.depth + c] = from[c * positions + p];
      break;
    case ProductForm::winograd:
      for (int64_t c = 0; c < in; ++c) winograd_weight(from + c * positions, to + c, w.depth);
      break;
  }
}

// values [width][taps * depth] -> panel [taps * depth / step][width][step].
template <class T, class Convert>
void interleave(const ProductKernels& kernels, int64_t length, const float* values, T* panel, Convert convert) {
  const int64_t width = kernels.width, step = kernels.step;
  constexpr int64_t block = 16;  // so many k at a time stay in the nearest cache
  for (int64_t k0 = 0; k0 < length; k0 += block)
    for (int64_t o = 0; o < width; ++o)
      for (int64_t k = k0; k < std::min(length, k0 + block); ++k)
        panel[(k / step * width + o) * step + k % step] = convert(values[o * length + k]);
}

void pack_panel(const ProductWeight& w, const HostView& weight, int64_t panel) {
  const ProductKernels& kernels = *w.kernels;
  const int64_t in = weight.shape[1], positions = weight.shape.rank() == 4 ? weight.shape[2] * weight.shape[3] : 1;
  const int64_t row = in * positions, length = w.taps * w.depth;
  Scratch scratch((row + kernels.width * length) * sizeof(float) + 128);
  float* source = scratch.take<float>(row);
  float* values = scratch.take<float>(kernels.width * length);
  std::fill_n(values, kernels.width * length, 0.0f);
  const int64_t first = panel * kernels.width, count = std::min<int64_t>(kernels.width, w.out - first);
  const auto* bytes = static_cast<const char*>(weight.data);
  for (int64_t o = 0; o < count; ++o) {
    widen_to_f32(weight.dtype, bytes + (first + o) * row * static_cast<int64_t>(size_of(weight.dtype)), source, row);
    arrange(w, in, positions, source, values + o * length);
  }
  void* to = static_cast<char*>(w.weight.data()) + panel * w.panel_elements() * w.element();
  if (kernels.dtype == DType::bf16)
    interleave(kernels, length, values, static_cast<uint16_t*>(to), f32_to_bf16);
  else
    interleave(kernels, length, values, static_cast<float*>(to), [](float x) { return x; });
}

}  // namespace

Packed pack_product(ThreadPool& pool, const ProductKernels& kernels, const HostView& weight, const HostView& bias) {
  const Shape& shape = weight.shape;
  const bool conv = shape.rank() == 4;
  const int64_t in = shape[1], out = shape[0], positions = conv ? shape[2] * shape[3] : 1;
  auto w = std::make_shared<ProductWeight>();
  w->kernels = &kernels;
  w->form = form_of(shape, kernels);
  w->out = out;
  w->panels = (out + kernels.width - 1) / kernels.width;
  w->taps = w->form == ProductForm::winograd ? 16 : w->form == ProductForm::taps ? positions : 1;
  const int64_t depth = w->form == ProductForm::gathered ? in * positions : in;
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
