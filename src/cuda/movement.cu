// Kernels that move elements: joining, enlarging, continuing and cutting up pictures, weights into the device's order.
#include "cuda/kernels.h"
#include "cuda/types.cuh"

namespace imagent::cuda {
namespace {

// One part's rows of `units` into rows of `row_units` of y, from the unit `at` on.
template <int N, class T>
__global__ void copy_rows_kernel(T* y, const T* x, int64_t count, int64_t units, int64_t row_units, int64_t at) {
  const int64_t unit = static_cast<int64_t>(blockIdx.x) * block_size + threadIdx.x;
  if (unit >= count) return;
  float values[N];
  load(x, unit, values);
  store(y, unit / units * row_units + at + unit % units, values);
}

template <int N, class T>
void copy_rows(cudaStream_t stream, T* y, const Tensor& part, int64_t row, int64_t at) {
  const int64_t count = part.numel() / N;
  if (count > 0)
    launch(stream, dim3(static_cast<unsigned>((count + block_size - 1) / block_size)), &copy_rows_kernel<N, T>, y, static_cast<const T*>(part.data()), count,
           part.dim(-1) / N, row / N, at / N);
}

struct Picture {
  int64_t height, width, channels;
};

// Where the pixels of a picture come from: y's pixel (i,j) is x's pixel (row(i), column(j)).
struct Enlarged {
  Picture from, to;
  __device__ int64_t row(int64_t i) const { return i * from.height / to.height; }
  __device__ int64_t column(int64_t j) const { return j * from.width / to.width; }
};
struct Wrapped {
  Picture from, to;
  int64_t top, left;
  __device__ int64_t row(int64_t i) const { return ((i - top) % from.height + from.height) % from.height; }
  __device__ int64_t column(int64_t j) const { return ((j - left) % from.width + from.width) % from.width; }
};

template <class T, class Where>
struct Pixels {
  const T* x;
  Where where;
  template <int N>
  __device__ void at(int64_t unit, float (&y)[N]) const {
    const int64_t units = where.to.channels / N, pixel = unit / units, line = pixel / where.to.width;
    const int64_t image = line / where.to.height, i = line % where.to.height, j = pixel % where.to.width;
    load(x, ((image * where.from.height + where.row(i)) * where.from.width + where.column(j)) * units + unit % units, y);
  }
};

template <class Where>
void take_pixels(cudaStream_t stream, Tensor& y, const Tensor& x, const Where& where) {
  with_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    map(stream, y, is_wide(x.dim(3), {x, y}), Pixels<T, Where>{static_cast<const T*>(x.data()), where});
  });
}

Picture picture(const Tensor& x) { return {x.dim(1), x.dim(2), x.dim(3)}; }

template <class T>
struct Window {
  const T* x;
  Picture from;
  Windows w;
  template <int N>
  __device__ void at(int64_t unit, float (&y)[N]) const {
    const int64_t units = from.channels / N, taps = w.kernel_h * w.kernel_w;
    const int64_t tap = unit / units % taps, pixel = w.first + unit / units / taps, line = pixel / w.out_width, image = line / w.out_height;
    const int64_t i = line % w.out_height * w.params.stride + tap / w.kernel_w - w.params.pad_top;
    const int64_t j = pixel % w.out_width * w.params.stride + tap % w.kernel_w - w.params.pad_left;
    if (i >= 0 && i < from.height && j >= 0 && j < from.width)
      load(x, ((image * from.height + i) * from.width + j) * units + unit % units, y);
    else
      for (int k = 0; k < N; ++k) y[k] = 0;
  }
};

template <class T>
struct TapsOutside {
  const T* weight;
  int64_t in, taps;
  template <int N>
  __device__ void at(int64_t unit, float (&y)[N]) const {
    for (int k = 0; k < N; ++k) {
      const int64_t to = unit * N + k, channel = to % in, tap = to / in % taps, out = to / in / taps;
      y[k] = widened(weight[(out * in + channel) * taps + tap]);
    }
  }
};

}  // namespace

void concat_channels(cudaStream_t stream, Tensor& y, std::span<const Tensor> parts) {
  with_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    auto* to = static_cast<T*>(y.data());
    const bool all_wide = is_wide(y.dim(-1), {y}) && std::all_of(parts.begin(), parts.end(), [](const Tensor& part) { return is_wide(part.dim(-1), {part}); });
    int64_t at = 0;
    for (const Tensor& part : parts) {
      if (all_wide)
        copy_rows<wide>(stream, to, part, y.dim(-1), at);
      else
        copy_rows<1>(stream, to, part, y.dim(-1), at);
      at += part.dim(-1);
    }
  });
}

void upsample_nearest(cudaStream_t stream, Tensor& y, const Tensor& x) { take_pixels(stream, y, x, Enlarged{picture(x), picture(y)}); }

void wrap(cudaStream_t stream, Tensor& y, const Tensor& x, const Border& border) {
  take_pixels(stream, y, x, Wrapped{picture(x), picture(y), border.top, border.left});
}

void gather_windows(cudaStream_t stream, Tensor& columns, const Tensor& x, const Windows& windows) {
  with_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    map(stream, columns, is_wide(x.dim(3), {x, columns}), Window<T>{static_cast<const T*>(x.data()), picture(x), windows});
  });
}

void pack_weight(cudaStream_t stream, Tensor& y, const Tensor& weight, int64_t in, int64_t taps) {
  with_type(weight.dtype(), [&](auto element) {
    using T = decltype(element);
    map(stream, y, is_wide(y.numel(), {y}), TapsOutside<T>{static_cast<const T*>(weight.data()), in, taps});
  });
}

}  // namespace imagent::cuda
