// Elementwise verbs on vectors; included by simd_kernels.ISA.cpp only.
#pragma once
#include "cpu/elementwise_kernels.h"
#include "cpu/simd.h"

namespace imagent::cpu {
namespace {

// Calls use(f) with the function of vectors that `act` names, as exact as T needs.
template <class T = float, class Use>
inline void with_act(Act act, Use use) {
  using M = Math<T>;
  switch (act) {
    case Act::none: return use([](Float x) { return x; });
    case Act::silu: return use([](Float x) { return x * M::sigmoid(x); });
    case Act::gelu: return use([](Float x) { return M::gelu(x); });
    case Act::gelu_tanh: return use([](Float x) { return x * M::sigmoid(1.59576912f * (x + 0.044715f * x * x * x)); });
    case Act::quick_gelu: return use([](Float x) { return x * M::sigmoid(1.702f * x); });
    case Act::relu: return use([](Float x) { return max(set(0), x); });
    case Act::leaky_relu: return use([](Float x) { return max(x, 0.2f * x); });
    case Act::tanh: return use([](Float x) { return M::tanh(x); });
  }
}

template <class T>
struct Elementwise {
  static void unary(void* y, const void* x, int64_t count, Act act) {
    const auto* from = static_cast<const T*>(x);
    auto* to = static_cast<T*>(y);
    with_act<T>(act, [&](auto f) { for_vectors(count, [&](int64_t i, auto part) { part.store(to + i, f(part.load(from + i))); }); });
  }

  static void geglu(void* y, const void* x, int64_t rows, int64_t width) {
    const auto* from = static_cast<const T*>(x);
    auto* to = static_cast<T*>(y);
    for (int64_t r = 0; r < rows; ++r, from += 2 * width, to += width)
      for_vectors(width, [&](int64_t i, auto part) { part.store(to + i, part.load(from + i) * Math<T>::gelu(part.load(from + width + i))); });
  }

  static void axpby(const AxpbyArgs& args) {
    const auto *x = static_cast<const T*>(args.x), *z = static_cast<const T*>(args.z);
    auto* y = static_cast<T*>(args.y);
    for_vectors(args.count, [&](int64_t i, auto part) { part.store(y + i, args.a * part.load(x + i) + args.b * part.load(z + i)); });
  }

  static void to_f32(float* y, const void* x, int64_t count) {
    for_vectors(count, [&](int64_t i, auto part) { part.store(y + i, part.load(static_cast<const T*>(x) + i)); });
  }
  static void from_f32(void* y, const float* x, int64_t count) {
    for_vectors(count, [&](int64_t i, auto part) { part.store(static_cast<T*>(y) + i, part.load(x + i)); });
  }

  static constexpr ElementwiseKernels table() { return {unary, geglu, axpby, to_f32, from_f32}; }
};

}  // namespace
}  // namespace imagent::cpu
