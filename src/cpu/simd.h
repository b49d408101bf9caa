// Vectors of the width a file is compiled for, and the functions on them that kernels need. Included by kernels.ISA.cpp
// only (through *-inl.h), and all in an anonymous namespace: code made for one instruction set must not be linked into
// another's callers. That is also why no inline function of the standard library is used here.
#pragma once
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

inline float square_root(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }
inline float sum_of_lanes(__m128 x) {
  x += _mm_movehl_ps(x, x);
  return x[0] + x[1];
}
#if defined(__AVX2__)
inline float sum_of_lanes(__m256 x) { return sum_of_lanes(_mm256_castps256_ps128(x) + _mm256_extractf128_ps(x, 1)); }
#endif
#if defined(__AVX512F__)
inline float sum_of_lanes(__m512 x) { return sum_of_lanes(_mm512_castps512_ps256(x) + _mm512_extractf32x8_ps(x, 1)); }
#endif

// 2^x as 2^floor(x) * p(x - floor(x)). Without AVX-512 x below `lowest` counts as that, and x above 127 as 127.
template <int degree>
inline Float exp2(Float x, const float* p, [[maybe_unused]] float lowest = -126) {
#if defined(__AVX512F__)
  const Float f = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#else
  x = min(set(127), max(set(lowest), x));  // in this order a NaN stays one
  const Float n = floor(x), f = x - n;
#endif
  Float y = set(p[degree]);
#pragma GCC unroll 8
  for (int i = degree - 1; i >= 0; --i) y = fma(y, f, set(p[i]));
#if defined(__AVX512F__)
  return _mm512_scalef_ps(y, x);
#else
  return y * from_bits((__builtin_convertvector(n, Int) + 127) << 23);
#endif
}

// Functions exact to a few units of f32, or to 1/4 of a unit of bf16.
template <class T>
struct Math {
  static constexpr bool precise = sizeof(T) == sizeof(float);

  static Float exp2(Float x) {
    static constexpr float to_1e7[] = {0.99999994f, 0.6931531f, 0.24015361f, 0.055826318f, 0.008989345f, 0.0018775734f};
    static constexpr float to_1e4[] = {0.99992514f, 0.69583386f, 0.22606714f, 0.07802411f};
    if constexpr (precise)
      return cpu::exp2<5>(x, to_1e7);
    else
      return cpu::exp2<3>(x, to_1e4);
  }
  // For x and 1/x that are normal.
  static Float reciprocal(Float x) {
#if defined(__AVX512F__)
    const Float guess = _mm512_rcp14_ps(x);
    return precise ? fma(guess, fma(-x, guess, set(1)), guess) : guess;
#else
    return 1.0f / x;
#endif
  }
  static Float sigmoid(Float x) { return reciprocal(1.0f + exp2(min(set(126), x * -1.44269504f))); }
  static Float tanh(Float x) { return 2.0f * Math<float>::sigmoid(2.0f * x) - 1.0f; }

  // 1 - erf(x) for x >= 0 to 1.5e-7: Abramowitz & Stegun 7.1.26.
  static Float erfc_of_positive(Float x) {
    const Float t = reciprocal(fma(set(0.3275911f), x, set(1)));
    Float p = set(1.061405429f);
    p = fma(p, t, set(-1.453152027f));
    p = fma(p, t, set(1.421413741f));
    p = fma(p, t, set(-0.284496736f));
    p = fma(p, t, set(0.254829592f));
    return p * t * exp2(x * x * -1.44269504f);
  }
  // x/2 (1 + erf(x/sqrt 2)); this way round small results of negative x keep their digits.
  static Float gelu(Float x) {
    const Float size = min(set(64), abs(x));  // beyond it erfc is 0
    return max(x, set(0)) - 0.5f * abs(x) * erfc_of_positive(size * 0.70710678f);
  }
};

}  // namespace
}  // namespace imagent::cpu
