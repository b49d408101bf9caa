// Inner loops of products for AVX-512 with BF16: bf16 operands, two neighbours in depth an instruction, f32 sums.
#include <immintrin.h>

#include <cstring>

#include "cpu/product_kernels-inl.h"

namespace imagent::cpu {
namespace {

struct Avx512Bf16 {
  using Element = uint16_t;
  using Float = __m512;
  using Operand = __m512bh;
  static constexpr int lanes = 16, vectors = 2, tile_rows = 8, step = 2;
  static Float zero() { return _mm512_setzero_ps(); }
  static Float load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Float x) { _mm512_storeu_ps(p, x); }
  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float sub(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Operand load_operand(const uint16_t* p) { return (Operand)_mm512_loadu_si512(p); }
  static Operand broadcast(const uint16_t* p) {
    int32_t pair;
    std::memcpy(&pair, p, sizeof pair);
    return (Operand)_mm512_set1_epi32(pair);
  }
  static Float multiply_add(Float sum, Operand a, Operand b) { return _mm512_dpbf16_ps(sum, a, b); }
  static Float from_elements(const uint16_t* p) {
    using Narrow = uint16_t __attribute__((vector_size(32)));  // the intrinsics for this make g++ 12 warn about its own header
    using Wide = uint32_t __attribute__((vector_size(64)));
    return (Float)(__builtin_convertvector((Narrow)_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)), Wide) << 16);
  }
  static void to_elements(uint16_t* p, Float x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), (__m256i)_mm512_cvtneps_pbh(x)); }
  static Float from_halves(const char* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
};

}  // namespace

constinit const ProductKernels product_kernels_avx512bf16_bf16 = all_kernels<Avx512Bf16, DType::bf16>;

}  // namespace imagent::cpu
