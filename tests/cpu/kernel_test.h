// For tests of the own SIMD kernels: every instruction set of this machine x f32 and bf16, random tensors, plain memory.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "cpu/isa.h"
#include "cpu/kernels.h"
#include "reference/reference_backend.h"
#include "support/golden.h"

namespace imagent::test {

inline Backend& memory() {
  static ReferenceBackend backend;
  return backend;
}

inline Tensor tensor(Shape shape, const std::vector<float>& values, DType dtype = DType::f32) {
  Tensor x(memory(), shape, dtype);
  narrow_from_f32(dtype, values.data(), x.data(), values.size());
  return x;
}
inline Tensor tensor(const Array& array, DType dtype = DType::f32) { return tensor(array.shape, array.values, dtype); }
inline std::vector<float> values_of(const Tensor& x) {
  std::vector<float> values(static_cast<size_t>(x.numel()));
  widen_to_f32(x.dtype(), x.data(), values.data(), values.size());
  return values;
}
inline std::string bytes_of(const Tensor& x) { return {x.as<char>(), x.bytes()}; }

// Normally distributed.
inline Tensor random_tensor(Shape shape, DType dtype, unsigned seed, float mean = 0, float deviation = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(mean, deviation);
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  for (float& value : values) value = normal(engine);
  return tensor(shape, values, dtype);
}

// [N,C,...] -> [N,...,C] and back.
inline std::vector<float> swap_axes(const std::vector<float>& from, int64_t images, int64_t a, int64_t b) {
  std::vector<float> to(from.size());
  for (int64_t n = 0; n < images; ++n)
    for (int64_t i = 0; i < a; ++i)
      for (int64_t j = 0; j < b; ++j) to[static_cast<size_t>((n * b + j) * a + i)] = from[static_cast<size_t>((n * a + i) * b + j)];
  return to;
}

// README of golden/components: 5 * err64 + 1e-6 * out_absmax, but for two cases whose truth is ill-conditioned.
inline double golden_limit(const nlohmann::json& c) {
  const std::string file = c["file"];
  if (file.find("group_norm.large_mean") != std::string::npos) return 1e-3;
  if (file.find("group_norm.one_element_groups") != std::string::npos) return 2e-4;
  return 5 * c["err64"].get<double>() + 1e-6 * c["out_absmax"].get<double>();
}

// The body runs with kernels of one instruction set, GetParam().
class OnEveryIsa : public testing::TestWithParam<Isa> {
 protected:
  cpu::ThreadPool pool{2};

 private:
  IsaScope scope_{GetParam()};
};
inline std::vector<Isa> isas() {
  std::vector<Isa> present;
  for (int i = 0; i <= static_cast<int>(best_isa()); ++i) present.push_back(static_cast<Isa>(i));
  return present;
}
#define IMAGENT_ON_EVERY_ISA(Suite) \
  INSTANTIATE_TEST_SUITE_P(Isas, Suite, testing::ValuesIn(isas()), [](const auto& info) { return std::string(name_of(info.param)); })

}  // namespace imagent::test
