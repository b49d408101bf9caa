// Vectors of the width a file is compiled for, and the functions on them that kernels need. Included by kernels.ISA.cpp
// only (through *-inl.h), and all in an anonymous namespace: code made for one instruction set must not be linked into
// another's callers. That is also why no inline function of the standard library is used here.
#pragma once
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12's own AVX-512 header trips over these (its bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace imagent::cpu {
namespace {

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif

using Float = float __attribute__((vector_size(lanes * 4)));
using Int = int32_t __attribute__((vector_size(lanes * 4)));
using Uint = uint32_t __attribute__((vector_size(lanes * 4)));
using Half = uint16_t __attribute__((vector_size(lanes * 2)));
struct Bf16 {
  uint16_t bits;
};

inline float to_float(float x) { return x; }
inline float to_float(Bf16 x) {
  const uint32_t bits = static_cast<uint32_t>(x.bits) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
template <class T>
constexpr T one = T(1);
template <>
constexpr Bf16 one<Bf16> = {0x3f80};

inline Int bits_of(Float x) { return reinterpret_cast<Int>(x); }
inline Float from_bits(Int x) { return reinterpret_cast<Float>(x); }
inline Float abs(Float x) { return from_bits(bits_of(x) & 0x7fffffff); }

inline Float load(const float* p) {
  Float x;
  std::memcpy(&x, p, sizeof(x));
  return x;
}
inline void store(float* p, Float x) { std::memcpy(p, &x, sizeof(x)); }
inline Float load(const Bf16* p) {
#if defined(__AVX512F__)  // GCC makes two halves of the general form
  return (Float)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16);
#else
  Half half;
  std::memcpy(&half, p, sizeof(half));
  return reinterpret_cast<Float>(__builtin_convertvector(half, Uint) << 16);
#endif
}
inline void store(Bf16* p, Float x) {  // round to nearest even; NaN stays NaN
#if defined(__AVX512BF16__)
  const __m256bh half = _mm512_cvtneps_pbh(x);
#else
  const Uint bits = reinterpret_cast<Uint>(x);
  const Uint nan = reinterpret_cast<Uint>(x != x);
  const Uint rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  const Half half = __builtin_convertvector((rounded & ~nan) | ((bits >> 16 | 0x40) & nan), Half);
#endif
  std::memcpy(p, &half, sizeof(half));
}

inline Int lane_numbers() {
  Int numbers;
  for (int i = 0; i < lanes; ++i) numbers[i] = i;
  return numbers;
}

// The first `count` elements, fewer than `lanes`; those beyond are zero.
#if defined(__AVX512F__)
inline uint16_t first_lanes(int64_t count) { return static_cast<uint16_t>((1u << count) - 1); }
inline Float load_some(const float* p, int64_t count) { return _mm512_maskz_loadu_ps(first_lanes(count), p); }
inline Float load_some(const Bf16* p, int64_t count) {
  return (Float)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first_lanes(count), p)), 16);
}
inline void store_some(float* p, Float x, int64_t count) { _mm512_mask_storeu_ps(p, first_lanes(count), x); }
inline void store_some(Bf16* p, Float x, int64_t count) {
  Bf16 whole[lanes];
  store(whole, x);
  _mm256_mask_storeu_epi16(p, first_lanes(count), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(whole)));
}
#else
template <class T>
inline Float load_some(const T* p, int64_t count) {
  T whole[lanes] = {};
  for (int64_t i = 0; i < count; ++i) whole[i] = p[i];
  return load(whole);
}
template <class T>
inline void store_some(T* p, Float x, int64_t count) {
  T whole[lanes];
  store(whole, x);
  for (int64_t i = 0; i < count; ++i) p[i] = whole[i];
}
#endif

// Calls use(i, part) for the vectors of `count` elements; part.load and part.store touch only elements that exist.
struct WholeVector {
  template <class T>
  Float load(const T* p) const {
    return cpu::load(p);
  }
  template <class T>
  void store(T* p, Float x) const {
    cpu::store(p, x);
  }
  Float only(Float x) const { return x; }
};
struct PartOfVector {
  int64_t count;
  template <class T>
  Float load(const T* p) const {
    return load_some(p, count);
  }
  template <class T>
  void store(T* p, Float x) const {
    store_some(p, x, count);
  }
  Float only(Float x) const { return from_bits(bits_of(x) & (lane_numbers() < static_cast<int32_t>(count))); }  // 0 beyond
};
template <class Use>
inline void for_vectors(int64_t count, Use use) {
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) use(i, WholeVector{});
  if (i < count) use(i, PartOfVector{count - i});
}

#if defined(__AVX512F__)
inline Float set(float x) { return _mm512_set1_ps(x); }
inline Float floor(Float x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
inline Float fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
inline Float max(Float a, Float b) { return _mm512_max_ps(a, b); }
inline Float min(Float a, Float b) { return _mm512_min_ps(a, b); }
#elif defined(__AVX2__)
inline Float set(float x) { return _mm256_set1_ps(x); }
inline Float floor(Float x) { return _mm256_floor_ps(x); }
inline Float fma(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }
inline Float max(Float a, Float b) { return _mm256_max_ps(a, b); }
inline Float min(Float a, Float b) { return _mm256_min_ps(a, b); }
#else
inline Float set(float x) { return _mm_set1_ps(x); }
inline Float floor(Float x) { return _mm_floor_ps(x); }
inline Float fma(Float a, Float b, Float c) { return a * b + c; }
inline Float max(Float a, Float b) { return _mm_max_ps(a, b); }
inline Float min(Float a, Float b) { return _mm_min_ps(a, b); }
#endif

// 1/x for normal x whose reciprocal is normal, to the last bit or two.
inline Float reciprocal(Float x) {
#if defined(__AVX512F__)
  const Float guess = _mm512_rcp14_ps(x);
  return fma(guess, fma(-x, guess, set(1)), guess);
#else
  return 1.0f / x;
#endif
}

inline float square_root(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }
inline float sum_of_lanes(Float x) {
  float sum = 0;
  for (int i = 0; i < lanes; ++i) sum += x[i];
  return sum;
}

// 2^n for whole n in [-126,127].
inline Float power_of_two(Float n) { return from_bits((__builtin_convertvector(n, Int) + 127) << 23); }
// The nearest whole number, for |x| < 2^22.
inline Float round_nearest(Float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

// e^x to 1e-7, relative; beyond [-87,87] that of the nearest end. Reduction as in Cephes' expf.
inline Float exp(Float x) {
  x = min(set(87), max(set(-87), x));  // in this order a NaN stays one
  const Float n = round_nearest(x * 1.44269504f);
  Float f = fma(n, set(-0.693359375f), x);
  f = fma(n, set(2.12194440e-4f), f);
  Float p = set(1.9875691500e-4f);
  p = fma(p, f, set(1.3981999507e-3f));
  p = fma(p, f, set(8.3334519073e-3f));
  p = fma(p, f, set(4.1665795894e-2f));
  p = fma(p, f, set(1.6666665459e-1f));
  p = fma(p, f, set(5.0000001201e-1f));
  p = fma(p, f * f, f) + 1.0f;
  return p * power_of_two(n);
}

inline Float sigmoid(Float x) { return reciprocal(1.0f + exp(-x)); }
inline Float tanh(Float x) { return 1.0f - 2.0f * reciprocal(1.0f + exp(2.0f * x)); }

// 1 - erf(x) for x >= 0 to 1.5e-7: Abramowitz & Stegun 7.1.26.
inline Float erfc_of_positive(Float x) {
  const Float t = reciprocal(fma(set(0.3275911f), x, set(1)));
  Float p = set(1.061405429f);
  p = fma(p, t, set(-1.453152027f));
  p = fma(p, t, set(1.421413741f));
  p = fma(p, t, set(-0.284496736f));
  p = fma(p, t, set(0.254829592f));
  return p * t * exp(-(x * x));
}
// x/2 (1 + erf(x/sqrt 2)); this way round small results of negative x keep their digits.
inline Float gelu(Float x) {
  const Float size = abs(x);
  return max(x, set(0)) - 0.5f * size * erfc_of_positive(size * 0.70710678f);
}

}  // namespace
}  // namespace imagent::cpu
