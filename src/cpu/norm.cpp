// Group norm and layer norm. Group norm's statistics are taken over blocks of pixels whose size depends on the shape alone,
// and merged in their order: the bytes are the same whoever computes a block.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "cpu/kernels.h"
#include "cpu/simd_kernels.h"

namespace imagent::cpu {
namespace {

struct Moments {
  double count = 0, mean = 0, squares = 0;  // squares: sum of squared differences from the mean

  // Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
  void merge(const Moments& other) {
    const double total = count + other.count, difference = other.mean - mean;
    squares += other.squares + difference * difference * count * other.count / total;
    mean += difference * other.count / total;
    count = total;
  }
};

struct GroupNorm {
  const GroupNormInput& in;
  Tensor& y;
  const NormKernels& kernels = simd_kernels(y.dtype()).norm;
  int64_t images = in.x.dim(0), channels = in.x.dim(-1), pixels = in.x.numel() / images / channels, width = channels / in.groups;
  int64_t block = std::max<int64_t>(16, 32768 / channels);  // pixels; 128 KiB of f32: stays in a cache from mean to squares
  int64_t blocks = (pixels + block - 1) / block;
  std::vector<Moments> moments = std::vector<Moments>(static_cast<size_t>(images * blocks * in.groups));
  std::vector<float> mean = std::vector<float>(static_cast<size_t>(images * channels)), scale = mean;

  int64_t rows(int64_t piece) const { return std::min(block, pixels - piece % blocks * block); }
  void* at(const Tensor& tensor, int64_t piece) const {
    const int64_t pixel = piece / blocks * pixels + piece % blocks * block;
    return static_cast<char*>(tensor.data()) + pixel * channels * static_cast<int64_t>(size_of(tensor.dtype()));
  }

  void measure(int64_t piece) {
    std::vector<float> buffer(static_cast<size_t>(2 * channels));
    float *means = buffer.data(), *squares = means + channels;
    kernels.moments({.x = at(in.x, piece), .rows = rows(piece), .channels = channels, .mean = means, .squares = squares});
    const auto count = static_cast<double>(rows(piece));
    for (int64_t group = 0; group < in.groups; ++group, means += width, squares += width) {
      double mean = 0, total = 0;
      for (int64_t c = 0; c < width; ++c) mean += means[c];
      mean /= static_cast<double>(width);
      for (int64_t c = 0; c < width; ++c) total += squares[c] + count * (means[c] - mean) * (means[c] - mean);
      moments[static_cast<size_t>(piece * in.groups + group)] = {count * static_cast<double>(width), mean, total};
    }
  }

  // Mean and variance.
  std::pair<double, double> statistics_of(int64_t image, int64_t group) const {
    if (in.p.statistics) return {in.p.statistics.as<float>()[2 * group], in.p.statistics.as<float>()[2 * group + 1]};
    Moments all;
    for (int64_t b = 0; b < blocks; ++b) all.merge(moments[static_cast<size_t>((image * blocks + b) * in.groups + group)]);
    return {all.mean, all.squares / all.count};
  }

  void merge(int64_t image) {
    const float* gamma = in.p.gamma.as<float>();
    for (int64_t group = 0; group < in.groups; ++group) {
      const auto [group_mean, variance] = statistics_of(image, group);
      const double deviation = std::sqrt(variance + static_cast<double>(in.p.eps));
      for (int64_t c = group * width; c < (group + 1) * width; ++c) {
        mean[static_cast<size_t>(image * channels + c)] = static_cast<float>(group_mean);
        scale[static_cast<size_t>(image * channels + c)] = static_cast<float>(gamma[c] / deviation);
      }
    }
  }

  void normalize(int64_t piece) {
    const int64_t first = piece / blocks * channels;
    kernels.normalize({.y = at(y, piece), .x = at(in.x, piece), .rows = rows(piece), .channels = channels, .mean = &mean[static_cast<size_t>(first)],
                       .scale = &scale[static_cast<size_t>(first)], .shift = in.p.beta.as<float>(), .act = in.act});
  }
};

}  // namespace

void group_norm(ThreadPool& pool, Tensor& y, const GroupNormInput& in) {
  if (y.numel() == 0) return;
  GroupNorm norm{.in = in, .y = y};
  if (!in.p.statistics) pool.run(norm.images * norm.blocks, [&](int64_t piece, int) { norm.measure(piece); });
  for (int64_t image = 0; image < norm.images; ++image) norm.merge(image);
  pool.run(norm.images * norm.blocks, [&](int64_t piece, int) { norm.normalize(piece); });
}

void group_statistics(ThreadPool& pool, Tensor& y, const Tensor& x, int groups) {
  if (x.numel() == 0) return;
  const NormParams own;
  const GroupNormInput in{x, own, groups, Act::none};
  Tensor unused = x;
  GroupNorm norm{.in = in, .y = unused};
  pool.run(norm.images * norm.blocks, [&](int64_t piece, int) { norm.measure(piece); });
  float* to = y.as<float>();
  for (int64_t image = 0; image < norm.images; ++image)
    for (int64_t group = 0; group < groups; ++group) {
      const auto [mean, variance] = norm.statistics_of(image, group);
      *to++ = static_cast<float>(mean);
      *to++ = static_cast<float>(variance);
    }
}

void layer_norm(ThreadPool& pool, Tensor& y, const Tensor& x, const NormParams& p) {
  if (y.numel() == 0) return;
  const int64_t channels = x.dim(-1), element = static_cast<int64_t>(size_of(x.dtype()));
  const NormKernels& kernels = simd_kernels(y.dtype()).norm;
  pool.run_ranges(x.numel() / channels, 1 + 16384 / channels, [&](int64_t begin, int64_t end, int) {
    const int64_t offset = begin * channels * element;
    kernels.layer_norm({.y = y.as<char>() + offset, .x = x.as<char>() + offset, .rows = end - begin, .channels = channels,
                        .gamma = p.gamma.as<float>(), .beta = p.beta.as<float>(), .eps = p.eps});
  });
}

}  // namespace imagent::cpu
