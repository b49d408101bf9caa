// What conv_bench and linear_bench share: weights and tensors of noise, and the report against the probed peak.
#pragma once
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <vector>

#include "cpu/cpu_backend.h"
#include "cpu/peak.h"

namespace imagent::bench {

// IMAGENT_THREADS: how many threads. IMAGENT_PRODUCTS=onednn: oneDNN instead of the own inner loops.
inline CpuBackend& backend() {
  const char *threads = std::getenv("IMAGENT_THREADS"), *products = std::getenv("IMAGENT_PRODUCTS");
  static CpuBackend instance(threads ? std::atoi(threads) : 0,
                             products && std::string_view(products) == "onednn" ? Products::onednn : Products::automatic);
  return instance;
}
inline const PeakGflops& peak() {
  static const PeakGflops probed = probe_peak(backend().threads());
  return probed;
}

// Cheap values around 0, the same in every run.
inline std::vector<float> values(int64_t count, float scale) {
  std::vector<float> out(static_cast<size_t>(count));
  uint32_t state = 12345;
  for (float& v : out) {
    state = state * 1664525u + 1013904223u;
    v = (static_cast<float>(state >> 8) / 8388608.0f - 1) * scale;
  }
  return out;
}
inline HostView weight(Shape shape) {
  const float scale = 1 / std::sqrt(static_cast<float>(shape.numel()) / static_cast<float>(shape[0]));
  const auto data = std::make_shared<std::vector<float>>(values(shape.numel(), scale));
  return {DType::f32, shape, data->data(), data};
}
inline Tensor tensor(Shape shape, DType dtype) {
  Tensor t(backend(), shape, dtype);
  narrow_from_f32(dtype, values(shape.numel(), 1).data(), t.data(), static_cast<size_t>(shape.numel()));
  return t;
}

// GFLOP/s as a direct computation would count them, and the share of the peak (above 1 where Winograd saves work).
inline void report(benchmark::State& state, double flop, DType dtype) {
  const double limit = dtype == DType::bf16 ? peak().bf16 : peak().f32;
  state.counters["GFLOP/s"] = benchmark::Counter(flop * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["share"] = benchmark::Counter(flop * 1e-9 / limit, benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace imagent::bench
