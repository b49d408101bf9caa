// Peak loop for AVX2 and FMA, f32.
#include <immintrin.h>

#include "cpu/peak_loops.h"

namespace imagent::cpu {
namespace {

constexpr int sums_at_once = 12;  // enough to hide the latency

float loop(int64_t rounds) {
  __m256 sums[sums_at_once], factor = _mm256_set1_ps(0.5f);
  for (__m256& sum : sums) sum = _mm256_setzero_ps();
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int s = 0; s < sums_at_once; ++s) sums[s] = _mm256_fmadd_ps(factor, factor, sums[s]);
    asm volatile("" : "+x"(factor));  // or the compiler would sum up the rounds by itself
  }
  __m256 total = sums[0];
  for (int s = 1; s < sums_at_once; ++s) total = _mm256_add_ps(total, sums[s]);
  return _mm256_cvtss_f32(total);
}

}  // namespace

constinit const PeakLoop peak_avx2_f32 = {2.0 * 8 * sums_at_once, loop};

}  // namespace imagent::cpu
