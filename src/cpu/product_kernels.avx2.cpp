// Inner loops of products for AVX2 and FMA, f32.
#include <immintrin.h>

#include "cpu/product_kernels-inl.h"

namespace imagent::cpu {
namespace {

struct Avx2 {
  using Element = float;
  using Float = __m256;
  using Operand = __m256;
  static constexpr int lanes = 8, vectors = 2, tile_rows = 6, step = 1;
  static Float zero() { return _mm256_setzero_ps(); }
  static Float load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Float x) { _mm256_storeu_ps(p, x); }
  static Float add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static Float sub(Float a, Float b) { return _mm256_sub_ps(a, b); }
  static Operand load_operand(const float* p) { return _mm256_loadu_ps(p); }
  static Operand broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static Float multiply_add(Float sum, Operand a, Operand b) { return _mm256_fmadd_ps(a, b, sum); }
  static Float from_elements(const float* p) { return _mm256_loadu_ps(p); }
  static void to_elements(float* p, Float x) { _mm256_storeu_ps(p, x); }
  static Float from_halves(const char* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
};

}  // namespace

constinit const ProductKernels product_kernels_avx2_f32 = all_kernels<Avx2, DType::f32>;

}  // namespace imagent::cpu
