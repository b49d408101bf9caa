// Kernels of verbs that look at one element, or move elements.
#include "cuda/kernels.h"
#include "cuda/types.cuh"

namespace imagent::cuda {
namespace {

template <class T>
struct Unary {
  const T* x;
  Act act;
  template <int N>
  __device__ void at(int64_t unit, float (&y)[N]) const {
    load(x, unit, y);
    for (int j = 0; j < N; ++j) y[j] = activated(act, y[j]);
  }
};

template <class T>
struct Geglu {
  const T* x;
  int64_t width;
  template <int N>
  __device__ void at(int64_t unit, float (&y)[N]) const {
    const int64_t units = width / N, first = unit / units * 2 * units + unit % units;
    float gate[N];
    load(x, first, y);
    load(x, first + units, gate);
    for (int j = 0; j < N; ++j) y[j] *= activated(Act::gelu, gate[j]);
  }
};

template <class T>
struct Axpby {
  const T *x, *z;
  float a, b;
  template <int N>
  __device__ void at(int64_t unit, float (&y)[N]) const {
    float other[N];
    load(x, unit, y);
    load(z, unit, other);
    for (int j = 0; j < N; ++j) y[j] = a * y[j] + b * other[j];
  }
};

template <class T>
struct ScalePixels {
  const T* x;
  const float* scale;
  int64_t width, pixels;
  template <int N>
  __device__ void at(int64_t unit, float (&y)[N]) const {
    const float factor = scale[unit * N / width % pixels];
    load(x, unit, y);
    for (int j = 0; j < N; ++j) y[j] *= factor;
  }
};

template <class T, class Sum>
struct Finish {
  const Sum* product;
  const float *row_scales, *column_scales;  // null: none, and below
  const T *bias, *per_image, *residual;
  Act act;
  int64_t width, image, begin;  // elements of a pixel, of an image, and before the product
  template <int N>
  __device__ void at(int64_t unit, float (&sum)[N]) const {
    const int64_t first = begin + unit * N, channel = first % width;
    float more[N];
    load(product, unit, sum);
    if (row_scales) {
      load(column_scales, channel / N, more);
      const float scale = row_scales[unit * N / width];
      for (int j = 0; j < N; ++j) sum[j] *= scale * more[j];
    }
    const auto add = [&](const T* from, int64_t from_unit) {
      load(from, from_unit, more);
      for (int j = 0; j < N; ++j) sum[j] += more[j];
    };
    if (bias) add(bias, channel / N);
    if (per_image) add(per_image, (first / image * width + channel) / N);
    for (int j = 0; j < N; ++j) sum[j] = activated(act, sum[j]);
    if (residual) add(residual, first / N);
  }
};

template <class T>
const T* address(const Tensor& x) {
  return x ? static_cast<const T*>(x.data()) : nullptr;
}

}  // namespace

void unary(cudaStream_t stream, Tensor& y, const Tensor& x, Act act) {
  with_type(x.dtype(), [&](auto element) { map(stream, y, is_wide(x.numel(), {x, y}), Unary<decltype(element)>{address<decltype(element)>(x), act}); });
}

void geglu(cudaStream_t stream, Tensor& y, const Tensor& x) {
  with_type(x.dtype(), [&](auto element) { map(stream, y, is_wide(y.dim(-1), {x, y}), Geglu<decltype(element)>{address<decltype(element)>(x), y.dim(-1)}); });
}

void axpby(cudaStream_t stream, Tensor& y, float a, const Tensor& x, float b, const Tensor& z) {
  with_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    map(stream, y, is_wide(x.numel(), {x, y, z}), Axpby<T>{address<T>(x), address<T>(z), a, b});
  });
}

void scale_pixels(cudaStream_t stream, Tensor& y, const Tensor& x, const Tensor& scale) {
  with_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    map(stream, y, is_wide(x.dim(-1), {x, y}), ScalePixels<T>{address<T>(x), address<float>(scale), x.dim(-1), scale.numel()});
  });
}

void cast(cudaStream_t stream, Tensor& y, const Tensor& x) { unary(stream, y, x, Act::none); }

void finish_product(cudaStream_t stream, Tensor& y, const Unfinished& u) {
  const Epilogue& e = u.epilogue;
  const int64_t width = y.dim(-1), image = y.dim(0) ? y.numel() / y.dim(0) : 0;
  if (y.numel() == 0) return;
  Tensor part = y.reshape({y.numel() / width, width}).rows(u.first, u.first + u.product.numel() / width);
  const auto finish = [&](auto element, auto sum) {
    using T = decltype(element);
    map(stream, part, is_wide(width, {y, u.product, u.column_scales, u.bias, e.per_image, e.residual}),
        Finish<T, decltype(sum)>{address<decltype(sum)>(u.product), address<float>(u.row_scales), address<float>(u.column_scales), address<T>(u.bias),
                                 address<T>(e.per_image), address<T>(e.residual), e.act, width, image, u.first * width});
  };
  with_type(y.dtype(), [&](auto element) {
    if (u.product.dtype() == y.dtype())
      finish(element, element);
    else if (u.product.dtype() == DType::i32)
      finish(element, int32_t{});
    else
      finish(element, __nv_bfloat16{});
  });
}

}  // namespace imagent::cuda
