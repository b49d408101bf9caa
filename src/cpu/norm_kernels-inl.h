// Norms on vectors; included by simd_kernels.ISA.cpp only. Sums are of differences from a sample (a channel's first row, a
// row's first element), so a large mean costs no digits: Chan, Golub & LeVeque 1983, "Algorithms for computing the sample
// variance", shifted data.
#pragma once
#include "cpu/elementwise_kernels-inl.h"
#include "cpu/norm_kernels.h"

namespace imagent::cpu {
namespace {

template <class T>
struct Norm {
  // `vectors` neighbouring vectors of channels at once: whole cache lines, and sums that do not wait for each other.
  template <int vectors, class Part>
  static void moments_of(const MomentsArgs& a, int64_t channel, Part part) {
    const T* x = static_cast<const T*>(a.x) + channel;
    Float first[vectors], sum[vectors] = {}, squares[vectors] = {};
    for (int v = 0; v < vectors; ++v) first[v] = part.load(x + v * lanes);
    for (int64_t r = 0; r < a.rows; ++r, x += a.channels)
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) {
        const Float d = part.load(x + v * lanes) - first[v];
        sum[v] += d;
        squares[v] = fma(d, d, squares[v]);
      }
    const float share = 1.0f / static_cast<float>(a.rows);
    for (int v = 0; v < vectors; ++v) {
      const Float mean = sum[v] * share;
      part.store(a.mean + channel + v * lanes, first[v] + mean);
      part.store(a.squares + channel + v * lanes, max(squares[v] - mean * sum[v], set(0)));
    }
  }
  static void moments(const MomentsArgs& a) {
    constexpr int wide = 4;
    int64_t c = 0;
    for (; c + wide * lanes <= a.channels; c += wide * lanes) moments_of<wide>(a, c, WholeVector{});
    for (; c + lanes <= a.channels; c += lanes) moments_of<1>(a, c, WholeVector{});
    if (c < a.channels) moments_of<1>(a, c, PartOfVector{a.channels - c});
  }

  static void normalize(const NormalizeArgs& a) {
    with_act<T>(a.act, [&](auto f) {
      const auto* x = static_cast<const T*>(a.x);
      auto* y = static_cast<T*>(a.y);
      for (int64_t r = 0; r < a.rows; ++r, x += a.channels, y += a.channels)
        for_vectors(a.channels, [&](int64_t c, auto part) {
          const Float d = part.load(x + c) - part.load(a.mean + c);
          part.store(y + c, f(fma(d, part.load(a.scale + c), part.load(a.shift + c))));
        });
    });
  }

  static void layer_norm(const LayerNormArgs& a) {
    const float share = 1.0f / static_cast<float>(a.channels);
    const auto* x = static_cast<const T*>(a.x);
    auto* y = static_cast<T*>(a.y);
    for (int64_t r = 0; r < a.rows; ++r, x += a.channels, y += a.channels) {
      const float first = to_float(x[0]);
      const auto sum_of = [&](float shift, auto term) {  // of the elements minus `shift`
        Float sum = {};
        for_vectors(a.channels, [&](int64_t c, auto part) { sum += term(part.only(part.load(x + c) - shift)); });
        return sum_of_lanes(sum);
      };
      const float mean = first + sum_of(first, [](Float d) { return d; }) * share;
      const float variance = sum_of(mean, [](Float d) { return d * d; }) * share;
      const float scale = 1.0f / square_root(variance + a.eps);
      for_vectors(a.channels, [&](int64_t c, auto part) {
        const Float d = part.load(x + c) - mean;
        part.store(y + c, fma(d * scale, part.load(a.gamma + c), part.load(a.beta + c)));
      });
    }
  }

  static constexpr NormKernels table() { return {moments, normalize, layer_norm}; }
};

}  // namespace
}  // namespace imagent::cpu
