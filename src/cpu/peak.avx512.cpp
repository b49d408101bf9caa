// Peak loops for AVX-512: f32, and int8 by VNNI.
#include <immintrin.h>

#include "cpu/peak_loops.h"

namespace imagent::cpu {
namespace {

constexpr int sums_at_once = 16;  // enough to hide the latency

float f32_loop(int64_t rounds) {
  __m512 sums[sums_at_once], factor = _mm512_set1_ps(0.5f);
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (int s = 0; s < sums_at_once; ++s) sums[s] = _mm512_fmadd_ps(factor, factor, sums[s]);
    asm volatile("" : "+v"(factor));  // or the compiler would sum up the rounds by itself
  }
  __m512 total = sums[0];
  for (int s = 1; s < sums_at_once; ++s) total = _mm512_add_ps(total, sums[s]);
  return _mm512_cvtss_f32(total);
}

__attribute__((target("avx512vnni"))) float int8_loop(int64_t rounds) {
  __m512i sums[sums_at_once], factor = _mm512_set1_epi8(1);
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (int s = 0; s < sums_at_once; ++s) sums[s] = _mm512_dpbusd_epi32(sums[s], factor, factor);
    asm volatile("" : "+v"(factor));
  }
  __m512i total = sums[0];
  for (int s = 1; s < sums_at_once; ++s) total = _mm512_add_epi32(total, sums[s]);
  return static_cast<float>(_mm512_cvtsi512_si32(total));
}

}  // namespace

constinit const PeakLoop peak_avx512_f32 = {2.0 * 16 * sums_at_once, f32_loop};
constinit const PeakLoop peak_avx512vnni_int8 = {2.0 * 64 * sums_at_once, int8_loop};

}  // namespace imagent::cpu
