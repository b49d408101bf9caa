// Inner loops of products in the compiler's own vectors: for processors without AVX2, f32.
#include <cstring>

#include "cpu/product_kernels-inl.h"

namespace imagent::cpu {
namespace {

struct Baseline {
  using Element = float;
  using Float = float __attribute__((vector_size(16)));
  using Operand = Float;
  static constexpr int lanes = 4, vectors = 2, tile_rows = 5, step = 1;  // 10 sums, 2 weights and what the compiler needs: 16 registers
  static Float zero() { return Float{}; }
  static Float load(const float* p) {
    Float x;
    std::memcpy(&x, p, sizeof x);
    return x;
  }
  static void store(float* p, Float x) { std::memcpy(p, &x, sizeof x); }
  static Float add(Float a, Float b) { return a + b; }
  static Float sub(Float a, Float b) { return a - b; }
  static Operand load_operand(const float* p) { return load(p); }
  static Operand broadcast(const float* p) { return Float{*p, *p, *p, *p}; }
  static Float multiply_add(Float sum, Operand a, Operand b) { return sum + a * b; }
  static Float from_elements(const float* p) { return load(p); }
  static void to_elements(float* p, Float x) { store(p, x); }
};

}  // namespace

constinit const ProductKernels product_kernels_baseline_f32 = all_kernels<Baseline, DType::f32>;

}  // namespace imagent::cpu
