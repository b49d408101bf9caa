// conv2d and linear cut into parts of one image, each computed by one thread with oneDNN.
#include "cpu/onednn_product.h"

#include <algorithm>
#include <cstring>

namespace imagent::cpu {
namespace {

constexpr int64_t pixels_of_part = 256, tokens_of_part = 64;

// bias + per_image for every image: oneDNN gets the sum of both as its bias.
std::vector<float> biases(const OnednnWeight& w, const Tensor& per_image, int64_t images) {
  const auto out = static_cast<int64_t>(w.bias().size());
  std::vector<float> sums(static_cast<size_t>(images * out), 0.0f);
  if (per_image) widen_to_f32(per_image.dtype(), per_image.data(), sums.data(), sums.size());
  for (int64_t n = 0; n < images; ++n)
    for (int64_t o = 0; o < out; ++o) sums[n * out + o] += w.bias()[o];
  return sums;
}

struct Job {
  const OnednnWeight& w;
  const Epilogue& e;
  const char* x;
  char* y;
  int64_t images;
  std::vector<float> bias;

  Job(Tensor& y, const Tensor& x, const OnednnWeight& w, const Epilogue& e)
      : w(w), e(e), x(x.as<char>()), y(y.as<char>()), images(y.dim(0)), bias(biases(w, e.per_image, y.dim(0))) {}

  // One part: oneDNN adds what already lies in y.
  void run(const OnednnShape& shape, int64_t image, const char* from, int64_t y_offset, int64_t y_bytes) const {
    if (e.residual && e.residual.as<char>() != y) std::memcpy(y + y_offset, e.residual.as<char>() + y_offset, y_bytes);
    w.run(w.primitive(shape), from, bias.data() + image * static_cast<int64_t>(w.bias().size()), y + y_offset);
  }
};

}  // namespace

bool has_amx_bf16() {
#if defined(__x86_64__)
  return dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core_amx;
#else
  return false;
#endif
}

Packed pack_onednn(const HostView& weight, const HostView& bias, DType dtype) {
  const auto w = std::make_shared<OnednnWeight>(weight, bias, dtype);
  const Shape& s = weight.shape;
  return {s[1], s[0], w->conv() ? static_cast<int>(s[2]) : 1, w->conv() ? static_cast<int>(s[3]) : 1, dtype, w->bytes(), w};
}

void onednn_linear(ThreadPool& pool, Tensor& y, const Tensor& x, const OnednnWeight& w, const Epilogue& e) {
  const Job job(y, x, w, e);
  if (y.numel() == 0) return;
  const int64_t tokens = y.numel() / y.dim(0) / y.dim(-1), parts = (tokens + tokens_of_part - 1) / tokens_of_part;
  const auto element = static_cast<int64_t>(size_of(x.dtype()));
  pool.run(job.images * parts, [&](int64_t piece, int) {
    const int64_t image = piece / parts, first = piece % parts * tokens_of_part, count = std::min(tokens_of_part, tokens - first);
    const OnednnShape shape{.in_rows = count, .out_rows = count, .act = e.act, .residual = static_cast<bool>(e.residual)};
    const int64_t row = image * tokens + first;
    job.run(shape, image, job.x + row * x.dim(-1) * element, row * y.dim(-1) * element, count * y.dim(-1) * element);
  });
}

void onednn_conv2d(ThreadPool& pool, Tensor& y, const Tensor& x, const Packed& packed, const Conv2dParams& p, const Epilogue& e) {
  const Job job(y, x, static_cast<const OnednnWeight&>(*packed.data), e);
  if (y.numel() == 0) return;
  const auto element = static_cast<int64_t>(size_of(x.dtype()));
  const int64_t height = x.dim(1), x_row = x.dim(2) * x.dim(3) * element, y_row = y.dim(2) * y.dim(3) * element;
  const int64_t rows = std::max<int64_t>(1, pixels_of_part / y.dim(2)), parts = (y.dim(1) + rows - 1) / rows;
  pool.run(job.images * parts, [&](int64_t piece, int) {
    const int64_t image = piece / parts, first = piece % parts * rows, count = std::min(rows, y.dim(1) - first);
    // Rows of the input under this part; those beyond its ends are padding.
    const int64_t top = first * p.stride - p.pad_top, bottom = (first + count - 1) * p.stride - p.pad_top + packed.kernel_h;
    const int64_t begin = std::clamp<int64_t>(top, 0, height - 1), end = std::clamp<int64_t>(bottom, begin + 1, height);
    const OnednnShape shape{.in_rows = end - begin,
                            .in_width = x.dim(2),
                            .out_rows = count,
                            .out_width = y.dim(2),
                            .stride = p.stride,
                            .top = static_cast<int>(begin - top),
                            .left = p.pad_left,
                            .bottom = static_cast<int>(bottom - end),
                            .right = p.pad_right,
                            .act = e.act,
                            .residual = static_cast<bool>(e.residual)};
    job.run(shape, image, job.x + (image * height + begin) * x_row, (image * y.dim(1) + first) * y_row, count * y_row);
  });
}

}  // namespace imagent::cpu
