// Group norm, layer norm and softmax. Sums are kept as count, mean and sum of squared differences from the mean, which a
// large mean does not harm, and joined in an order that depends on the shape alone (Chan, Golub & LeVeque 1979).
#include "cuda/kernels.h"
#include "cuda/warps.cuh"

namespace imagent::cuda {
namespace {

struct Moments {
  float count, mean, squares;
};

__device__ Moments joined(Moments a, Moments b) {
  const float count = a.count + b.count;
  if (count == 0) return a;
  const float difference = b.mean - a.mean, share = b.count / count;
  return {count, a.mean + difference * share, a.squares + b.squares + difference * difference * a.count * share};
}

__device__ Moments joined_by_warp(Moments m) {
  for (int step = 1; step < warp; step *= 2) {
    const Moments other{__shfl_down_sync(all_lanes, m.count, step), __shfl_down_sync(all_lanes, m.mean, step), __shfl_down_sync(all_lanes, m.squares, step)};
    m = joined(m, other);
  }
  return m;  // of all, in the first lane
}

__device__ float warp_max(float x) {
  return warp_reduced(x, [](float a, float b) { return fmaxf(a, b); });
}

// How a picture is cut for its statistics: by its shape alone, so that the other pictures of a batch do not matter.
constexpr int64_t most_chunks = 512, least_chunk = 32;
constexpr int most_groups = 1024;
struct Cut {
  int64_t pixels, channels, groups, chunk, chunks;
};
Cut cut_of(const Tensor& x, int groups) {
  const int64_t channels = x.dim(-1), pixels = x.dim(0) ? x.numel() / x.dim(0) / channels : 0;
  const int64_t chunk = std::max(least_chunk, (pixels + most_chunks - 1) / most_chunks);
  return {pixels, channels, groups, chunk, (pixels + chunk - 1) / chunk};
}

// The sums of one thread's N channels over every `step`-th pixel, around the first one seen.
template <int N>
struct ChannelSums {
  float first[N], sum[N] = {}, squares[N] = {};
  int64_t count = 0;

  __device__ void add(const float (&x)[N]) {
    for (int j = 0; j < N; ++j) {
      if (count == 0) first[j] = x[j];
      const float d = x[j] - first[j];
      sum[j] += d;
      squares[j] += d * d;
    }
    ++count;
  }
  __device__ Moments moments(int j) const {
    if (count == 0) return {0, 0, 0};
    const auto n = static_cast<float>(count);
    return {n, first[j] + sum[j] / n, fmaxf(squares[j] - sum[j] * sum[j] / n, 0)};
  }
};

// Block (chunk, image): the moments of each group in a chunk of pixels -> partial [N,chunks,groups] of Moments. Threads take
// neighbouring channels; where they are fewer than threads, several pixels are read side by side.
template <int N, class T>
__global__ void group_moments_kernel(const T* x, Moments* partial, Cut cut) {
  __shared__ Moments of_channels[N][block_size];  // of each thread
  __shared__ Moments of_groups[most_groups];
  const int thread = threadIdx.x;
  const int64_t first = blockIdx.x * cut.chunk, pixels = cut.pixels - first < cut.chunk ? cut.pixels - first : cut.chunk;
  const int64_t units = cut.channels / N, width = cut.channels / cut.groups;
  const T* from = x + (blockIdx.y * cut.pixels + first) * cut.channels;
  for (int64_t g = thread; g < cut.groups; g += block_size) of_groups[g] = {0, 0, 0};
  for (int64_t base = 0; base < units; base += block_size) {
    const int64_t across = units - base < block_size ? units - base : block_size, lanes = block_size / across, lane = thread / across;
    ChannelSums<N> sums;
    if (lane < lanes)
      for (int64_t p = lane; p < pixels; p += lanes) {
        float values[N];
        load(from, p * units + base + thread % across, values);
        sums.add(values);
      }
    __syncthreads();
    for (int j = 0; j < N; ++j) of_channels[j][thread] = sums.moments(j);
    __syncthreads();
    for (int64_t g = thread; g < cut.groups; g += block_size)
      for (int64_t c = g * width; c < (g + 1) * width; ++c) {
        if (c / N < base || c / N >= base + across) continue;
        for (int64_t l = 0; l < lanes; ++l) of_groups[g] = joined(of_groups[g], of_channels[c % N][l * across + c / N - base]);
      }
  }
  Moments* to = partial + (blockIdx.y * cut.chunks + blockIdx.x) * cut.groups;
  for (int64_t g = thread; g < cut.groups; g += block_size) to[g] = of_groups[g];
}

// A warp an image and group: joins the chunks -> y [N,groups,2].
__global__ void join_moments_kernel(float* y, const Moments* partial, int64_t count, Cut cut) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * warps + threadIdx.x / warp;
  if (index >= count) return;
  const int lane = threadIdx.x % warp;
  const int64_t image = index / cut.groups, group = index % cut.groups;
  Moments m{0, 0, 0};
  for (int64_t chunk = lane; chunk < cut.chunks; chunk += warp) m = joined(m, partial[(image * cut.chunks + chunk) * cut.groups + group]);
  m = joined_by_warp(m);
  if (lane > 0) return;
  y[2 * index] = m.mean;
  y[2 * index + 1] = m.squares / m.count;
}

template <class T>
struct Normalized {
  const T* x;
  const float *statistics, *gamma, *beta;
  int64_t image, channels, width, image_statistics;  // elements of an image, channels of a group, statistics from image to image
  float eps;
  Act act;
  template <int N>
  __device__ void at(int64_t unit, float (&y)[N]) const {
    const int64_t first = unit * N, channel = first % channels;
    const float* own = statistics + first / image * image_statistics;
    load(x, unit, y);
    for (int j = 0; j < N; ++j) {
      const int64_t c = channel + j, group = c / width;
      const float scale = rsqrtf(own[2 * group + 1] + eps);
      y[j] = activated(act, (y[j] - own[2 * group]) * scale * gamma[c] + beta[c]);
    }
  }
};

// A warp a row.
template <int N, class T>
__global__ void layer_norm_kernel(T* y, const T* x, const float* gamma, const float* beta, int64_t rows, int64_t channels, float eps) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * warps + threadIdx.x / warp;
  if (row >= rows) return;
  const int lane = threadIdx.x % warp;
  const int64_t units = channels / N, first = row * units;
  float values[N], mean = 0, squares = 0;
  for (int64_t unit = lane; unit < units; unit += warp) {
    load(x, first + unit, values);
    for (int j = 0; j < N; ++j) mean += values[j];
  }
  mean = warp_sum(mean) / static_cast<float>(channels);
  for (int64_t unit = lane; unit < units; unit += warp) {
    load(x, first + unit, values);
    for (int j = 0; j < N; ++j) squares += (values[j] - mean) * (values[j] - mean);
  }
  const float scale = rsqrtf(warp_sum(squares) / static_cast<float>(channels) + eps);
  for (int64_t unit = lane; unit < units; unit += warp) {
    load(x, first + unit, values);
    for (int j = 0; j < N; ++j) values[j] = (values[j] - mean) * scale * gamma[unit * N + j] + beta[unit * N + j];
    store(y, first + unit, values);
  }
}

// Of what each thread of the block has, by `join`; every thread gets it.
template <class Join>
__device__ float block_reduced(float x, float* shared, Join join) {
  x = join(x);
  __syncthreads();
  if (threadIdx.x % warp == 0) shared[threadIdx.x / warp] = x;
  __syncthreads();
  return join(shared[threadIdx.x % warps]);
}

// A block a row. Keys beyond the visible ones weigh nothing.
template <class T>
__global__ void softmax_kernel(T* y, const float* scores, int64_t queries, int64_t keys, Mask mask) {
  __shared__ float shared[warps];
  const int64_t row = blockIdx.x, seen = mask.first + row % queries + 1, visible = mask.causal && seen < keys ? seen : keys;
  const float* from = scores + row * keys;
  float largest = -INFINITY, sum = 0;
  for (int64_t s = threadIdx.x; s < visible; s += block_size) largest = fmaxf(largest, from[s]);
  largest = block_reduced(largest, shared, [](float v) { return warp_max(v); });
  for (int64_t s = threadIdx.x; s < visible; s += block_size) sum += expf(from[s] - largest);
  // Each lane holds one of the warps' sums, several times over.
  sum = block_reduced(sum, shared, [](float v) { return warp_sum(v); }) / (warp / warps);
  for (int64_t s = threadIdx.x; s < keys; s += block_size) narrow(y[row * keys + s], s < visible ? expf(from[s] - largest) / sum : 0);
}

}  // namespace

int64_t partial_statistics(const Tensor& x, int groups) { return x.dim(0) * cut_of(x, groups).chunks * groups * static_cast<int64_t>(sizeof(Moments) / sizeof(float)); }

void group_statistics(cudaStream_t stream, Tensor& y, const Tensor& x, int groups, Tensor& partial) {
  check(groups <= most_groups, ErrorKind::unsupported, "cuda: a group norm of ", groups, " groups; at most ", most_groups, " are possible");
  const Cut cut = cut_of(x, groups);
  const int64_t count = x.dim(0) * groups;
  if (x.numel() == 0) return;
  auto* moments = static_cast<Moments*>(partial.data());
  with_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    const bool by_eight = is_wide(x.dim(-1), {x});
    launch(stream, dim3(static_cast<unsigned>(cut.chunks), static_cast<unsigned>(x.dim(0))), by_eight ? &group_moments_kernel<wide, T> : &group_moments_kernel<1, T>,
           static_cast<const T*>(x.data()), moments, cut);
  });
  launch(stream, dim3(blocks_of_warps(count)), &join_moments_kernel, static_cast<float*>(y.data()), moments, count, cut);
}

void normalize_groups(cudaStream_t stream, Tensor& y, const GroupNormInput& in) {
  const Tensor& x = in.x;
  const int64_t channels = x.dim(-1), image = x.dim(0) ? x.numel() / x.dim(0) : 0;
  const auto numbers = [](const Tensor& t) { return static_cast<const float*>(t.data()); };
  with_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    map(stream, y, is_wide(channels, {x, y}),
        Normalized<T>{static_cast<const T*>(x.data()), numbers(in.statistics), numbers(in.params.gamma), numbers(in.params.beta), image, channels,
                      channels / in.groups, in.statistics.rank() == 3 ? 2 * in.groups : 0, in.params.eps, in.act});
  });
}

void layer_norm(cudaStream_t stream, Tensor& y, const Tensor& x, const NormParams& p) {
  const int64_t channels = x.dim(-1), rows = channels ? x.numel() / channels : 0;
  if (rows == 0) return;
  with_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    const bool by_eight = is_wide(channels, {x, y});
    launch(stream, dim3(blocks_of_warps(rows)), by_eight ? &layer_norm_kernel<wide, T> : &layer_norm_kernel<1, T>, static_cast<T*>(y.data()),
           static_cast<const T*>(x.data()), static_cast<const float*>(p.gamma.data()), static_cast<const float*>(p.beta.data()), rows, channels, p.eps);
  });
}

void softmax(cudaStream_t stream, Tensor& y, const Tensor& scores, const Mask& mask) {
  const int64_t keys = scores.dim(2), rows = scores.dim(0) * scores.dim(1);
  if (rows == 0) return;
  with_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    launch(stream, dim3(static_cast<unsigned>(rows)), &softmax_kernel<T>, static_cast<T*>(y.data()), static_cast<const float*>(scores.data()), scores.dim(1), keys, mask);
  });
}

}  // namespace imagent::cuda
