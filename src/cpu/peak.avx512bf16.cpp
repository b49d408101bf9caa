// Peak loop for AVX-512 BF16.
#include <immintrin.h>

#include "cpu/peak_loops.h"

namespace imagent::cpu {
namespace {

constexpr int sums_at_once = 16;  // enough to hide the latency

float loop(int64_t rounds) {
  __m512 sums[sums_at_once];
  __m512bh factor = (__m512bh)_mm512_set1_epi32(0x3f003f00);  // a half
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (int s = 0; s < sums_at_once; ++s) sums[s] = _mm512_dpbf16_ps(sums[s], factor, factor);
    asm volatile("" : "+v"(factor));
  }
  __m512 total = sums[0];
  for (int s = 1; s < sums_at_once; ++s) total = _mm512_add_ps(total, sums[s]);
  return _mm512_cvtss_f32(total);
}

}  // namespace

constinit const PeakLoop peak_avx512bf16_bf16 = {2.0 * 32 * sums_at_once, loop};

}  // namespace imagent::cpu
