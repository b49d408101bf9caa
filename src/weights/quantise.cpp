// Packing blocks of 32 elements. "_0": a scale, codes around zero, the largest element exact; "_1": scale and minimum.
#include "weights/quantise.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/dtype.h"

namespace imagent {
namespace {

constexpr int block = 32;
using Codes = std::array<uint8_t, block>;

uint8_t* put_half(uint8_t* to, float value) {
  const uint16_t half = f32_to_f16(value);
  to[0] = static_cast<uint8_t>(half);
  to[1] = static_cast<uint8_t>(half >> 8);
  return to + 2;
}

// The fifth bits of all codes.
uint8_t* put_high_bits(uint8_t* to, const Codes& codes) {
  for (int i = 0; i < block / 8; ++i) {
    to[i] = 0;
    for (int bit = 0; bit < 8; ++bit) to[i] = static_cast<uint8_t>(to[i] | (codes[static_cast<size_t>(i * 8 + bit)] >> 4 & 1) << bit);
  }
  return to + block / 8;
}

uint8_t* put_nibbles(uint8_t* to, const Codes& codes) {
  for (size_t i = 0; i < block / 2; ++i) to[i] = static_cast<uint8_t>((codes[i] & 15) | (codes[i + block / 2] & 15) << 4);
  return to + block / 2;
}

float inverse(float scale) { return scale == 0 ? 0 : 1 / scale; }

// A damaged weight may be no number: then 0.
uint8_t clamped(double code, int bits) { return static_cast<uint8_t>(code > 0 ? std::min(code, static_cast<double>((1 << bits) - 1)) : 0); }

// Codes of `bits` bits around zero; the element of the largest magnitude gets the lowest code. Gives the scale.
float centred(const float* from, int bits, Codes& codes) {
  const float largest = *std::max_element(from, from + block, [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  const auto half = static_cast<float>(1 << (bits - 1));
  const float scale = largest / -half;
  const double factor = inverse(scale);
  for (size_t i = 0; i < block; ++i) codes[i] = clamped(std::trunc(static_cast<double>(from[i]) * factor + (half + 0.5)), bits);
  return scale;
}

struct ScaleAndLeast {
  float scale, least;
};
ScaleAndLeast from_least(const float* from, int bits, Codes& codes) {
  const auto [least, largest] = std::minmax_element(from, from + block);
  const float scale = (*largest - *least) / static_cast<float>((1 << bits) - 1), factor = inverse(scale);
  for (size_t i = 0; i < block; ++i) codes[i] = clamped(std::trunc((from[i] - *least) * factor + 0.5f), bits);
  return {scale, *least};
}

}  // namespace

void quantise_q4_0(const float* from, uint8_t* to, size_t blocks) {
  Codes codes;
  for (; blocks-- > 0; from += block) {
    to = put_half(to, centred(from, 4, codes));
    to = put_nibbles(to, codes);
  }
}

void quantise_q4_1(const float* from, uint8_t* to, size_t blocks) {
  Codes codes;
  for (; blocks-- > 0; from += block) {
    const auto [scale, least] = from_least(from, 4, codes);
    to = put_half(put_half(to, scale), least);
    to = put_nibbles(to, codes);
  }
}

void quantise_q5_0(const float* from, uint8_t* to, size_t blocks) {
  Codes codes;
  for (; blocks-- > 0; from += block) {
    to = put_half(to, centred(from, 5, codes));
    to = put_nibbles(put_high_bits(to, codes), codes);
  }
}

void quantise_q5_1(const float* from, uint8_t* to, size_t blocks) {
  Codes codes;
  for (; blocks-- > 0; from += block) {
    const auto [scale, least] = from_least(from, 5, codes);
    to = put_half(put_half(to, scale), least);
    to = put_nibbles(put_high_bits(to, codes), codes);
  }
}

void quantise_q8_0(const float* from, uint8_t* to, size_t blocks) {
  for (; blocks-- > 0; from += block) {
    float largest = 0;
    for (int i = 0; i < block; ++i) largest = std::max(largest, std::fabs(from[i]));
    const float scale = largest / 127, factor = inverse(scale);
    to = put_half(to, scale);
    for (int i = 0; i < block; ++i) {
      const float code = std::round(from[i] * factor);
      *to++ = static_cast<uint8_t>(std::fabs(code) <= 127 ? static_cast<int8_t>(code) : 0);
    }
  }
}

}  // namespace imagent
