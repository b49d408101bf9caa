// Inner loops of products for AVX-512, f32.
#include <immintrin.h>

#include "cpu/product_kernels-inl.h"

namespace imagent::cpu {
namespace {

struct Avx512 {
  using Element = float;
  using Float = __m512;
  using Operand = __m512;
  static constexpr int lanes = 16, vectors = 2, tile_rows = 8, step = 1;
  static Float zero() { return _mm512_setzero_ps(); }
  static Float load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Float x) { _mm512_storeu_ps(p, x); }
  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float sub(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Operand load_operand(const float* p) { return _mm512_loadu_ps(p); }
  static Operand broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static Float multiply_add(Float sum, Operand a, Operand b) { return _mm512_fmadd_ps(a, b, sum); }
  static Float from_elements(const float* p) { return _mm512_loadu_ps(p); }
  static void to_elements(float* p, Float x) { _mm512_storeu_ps(p, x); }
  static Float from_halves(const char* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
};

}  // namespace

constinit const ProductKernels product_kernels_avx512_f32 = all_kernels<Avx512, DType::f32>;

}  // namespace imagent::cpu
