// The K types: 256 elements in groups of 16 or 32, each with a small scale (and minimum) of its own under one in f16.
// Scales are searched as ggml does (ggml/src/ggml-quants.c, make_qkx2_quants and make_qx_quants): a grid of step widths,
// each followed by weighted least squares.
#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "tensor/dtype.h"
#include "weights/quantise.h"

namespace imagent {
namespace {

constexpr size_t block = 256;
using Values = std::array<float, block>;
using Group = std::span<const float>;

// A damaged weight may be no number: then 0.
Values numbers(const float* from) {
  Values values;
  for (size_t i = 0; i < block; ++i) values[i] = std::isfinite(from[i]) ? from[i] : 0;
  return values;
}

void put_half(uint8_t* to, uint16_t half) {
  to[0] = static_cast<uint8_t>(half);
  to[1] = static_cast<uint8_t>(half >> 8);
}

void add_bits(uint8_t& to, int bits, size_t shift) { to = static_cast<uint8_t>(to | bits << shift); }

int nearest(float value, int lowest, int highest) {
  return std::isfinite(value) ? static_cast<int>(std::lrint(std::clamp(value, static_cast<float>(lowest), static_cast<float>(highest)))) : 0;
}

struct Fit {
  float scale = 0, least = 0;
};

// Weighted sums over a group with the codes that a step width gives it; four at a time, which the compiler turns into vectors.
struct CodeSums {
  double code = 0, code_code = 0, code_x = 0;
};
CodeSums code_sums(Group values, Group weights, float factor, float least, float lowest, float highest) {
  constexpr size_t lanes = 4;
  float code[lanes] = {}, code_code[lanes] = {}, code_x[lanes] = {};
  for (size_t i = 0; i < values.size(); i += lanes)
    for (size_t k = 0; k < lanes; ++k) {
      const float rounded = std::floor(factor * (values[i + k] - least) + 0.5f);
      const float c = std::min(std::max(rounded, lowest), highest), wc = weights[i + k] * c;
      code[k] += wc;
      code_code[k] += wc * c;
      code_x[k] += wc * values[i + k];
    }
  const auto sum = [](const float* lane) { return static_cast<double>(lane[0]) + lane[1] + lane[2] + lane[3]; };
  return {sum(code), sum(code_code), sum(code_x)};
}

// Scale and minimum for codes from 0 to `top`.
Fit fit_least(Group values, int top) {
  const auto [smallest, largest] = std::minmax_element(values.begin(), values.end());
  const float least = std::min(*smallest, 0.f), range = *largest - least;
  if (range <= 0) return {0, -least};
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * value;
  const auto usual = static_cast<float>(std::sqrt(squares / static_cast<double>(values.size())));
  std::array<float, 32> weights;
  double w = 0, x = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    weights[i] = usual + std::fabs(values[i]);
    w += static_cast<double>(weights[i]);
    x += static_cast<double>(weights[i] * values[i]);
  }
  Fit best{range / static_cast<float>(top), -least};
  double most = -1;  // by how much the best fit lowers the weighted squares
  for (int step = 0; step <= 20; ++step) {
    const float factor = (static_cast<float>(top - 1) + 0.1f * static_cast<float>(step)) / range;
    const CodeSums s = code_sums(values, Group(weights).first(values.size()), factor, least, 0, static_cast<float>(top));
    const double determinant = w * s.code_code - s.code * s.code;
    if (determinant <= 0) continue;
    double offset = (s.code * s.code_x - s.code_code * x) / determinant, scale = (w * s.code_x - x * s.code) / determinant;
    if (offset < 0) {
      offset = 0;
      scale = s.code_x / s.code_code;
    }
    const double lowered = scale * s.code_x - offset * x;  // at a minimum of the squares
    if (scale <= 0 || lowered <= most) continue;
    most = lowered;
    best = {static_cast<float>(scale), static_cast<float>(offset)};
  }
  return best;
}

// Scale, of either sign, for codes from -half to half - 1. Large values count more.
float fit_centred(Group values, int half) {
  const float largest = *std::max_element(values.begin(), values.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  if (largest == 0) return 0;
  std::array<float, 16> weights;
  for (size_t i = 0; i < values.size(); ++i) weights[i] = values[i] * values[i];
  const auto end = static_cast<float>(half);
  double best = 0, scale = 0;
  for (int step = -9; step <= 9; ++step) {
    const float factor = -(end + 0.1f * static_cast<float>(step)) / largest;
    const CodeSums s = code_sums(values, weights, factor, 0, -end, end - 1);
    if (s.code_code == 0 || s.code_x * s.code_x <= best * s.code_code) continue;
    best = s.code_x * s.code_x / s.code_code;
    scale = s.code_x / s.code_code;
  }
  return static_cast<float>(scale);
}

// What a block is made of: a value is near scale * scales[group] * code - least * leasts[group].
template <size_t groups>
struct Packed {
  uint16_t scale = 0, least = 0;  // f16
  std::array<int, groups> scales{}, leasts{};
  std::array<int, block> codes{};
};

template <size_t groups>
Packed<groups> pack_least(const Values& values, int top, int sub_top) {
  constexpr size_t size = block / groups;
  std::array<Fit, groups> fits;
  Fit most;
  for (size_t g = 0; g < groups; ++g) {
    fits[g] = fit_least(Group(values).subspan(g * size, size), top);
    most = {std::max(most.scale, fits[g].scale), std::max(most.least, fits[g].least)};
  }
  Packed<groups> packed;
  packed.scale = f32_to_f16(most.scale / static_cast<float>(sub_top));
  packed.least = f32_to_f16(most.least / static_cast<float>(sub_top));
  const float scale = f16_to_f32(packed.scale), least = f16_to_f32(packed.least);
  for (size_t g = 0; g < groups; ++g) {
    packed.scales[g] = nearest(fits[g].scale / scale, 0, sub_top);
    packed.leasts[g] = nearest(fits[g].least / least, 0, sub_top);
    const float step = scale * static_cast<float>(packed.scales[g]), offset = least * static_cast<float>(packed.leasts[g]);
    for (size_t i = g * size; i < (g + 1) * size; ++i) packed.codes[i] = nearest((values[i] + offset) / step, 0, top);
  }
  return packed;
}

// Codes and scales come out from 0 up: `half` and `sub_half` stand for zero.
Packed<16> pack_centred(const Values& values, int half, int sub_half) {
  std::array<float, 16> fits;
  for (size_t g = 0; g < 16; ++g) fits[g] = fit_centred(Group(values).subspan(g * 16, 16), half);
  const float largest = *std::max_element(fits.begin(), fits.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  Packed<16> packed;
  packed.scale = f32_to_f16(largest / static_cast<float>(-sub_half));
  const float scale = f16_to_f32(packed.scale);
  for (size_t g = 0; g < 16; ++g) {
    const int sub = nearest(fits[g] / scale, -sub_half, sub_half - 1);
    packed.scales[g] = sub + sub_half;
    for (size_t i = g * 16; i < (g + 1) * 16; ++i) packed.codes[i] = nearest(values[i] / (scale * static_cast<float>(sub)), -half, half - 1) + half;
  }
  return packed;
}

// Six bits each of eight scales and eight minima in 12 bytes.
void put_sub_scales(uint8_t* to, const Packed<8>& packed) {
  for (size_t g = 0; g < 4; ++g) {
    add_bits(to[g], packed.scales[g] | packed.scales[g + 4] >> 4 << 6, 0);
    add_bits(to[g + 4], packed.leasts[g] | packed.leasts[g + 4] >> 4 << 6, 0);
    add_bits(to[g + 8], (packed.scales[g + 4] & 15) | (packed.leasts[g + 4] & 15) << 4, 0);
  }
}

}  // namespace

void quantise_q2_k(const float* from, uint8_t* to, size_t blocks) {
  for (; blocks-- > 0; from += block, to += 84) {
    const Packed<16> packed = pack_least<16>(numbers(from), 3, 15);
    std::fill_n(to, 84, uint8_t{0});
    for (size_t g = 0; g < 16; ++g) add_bits(to[g], packed.scales[g] | packed.leasts[g] << 4, 0);
    for (size_t i = 0; i < block; ++i) add_bits(to[16 + i / 128 * 32 + i % 32], packed.codes[i], i % 128 / 32 * 2);
    put_half(to + 80, packed.scale);
    put_half(to + 82, packed.least);
  }
}

void quantise_q3_k(const float* from, uint8_t* to, size_t blocks) {
  for (; blocks-- > 0; from += block, to += 110) {
    const Packed<16> packed = pack_centred(numbers(from), 4, 32);
    std::fill_n(to, 110, uint8_t{0});
    for (size_t i = 0; i < block; ++i) {
      add_bits(to[i % 32], packed.codes[i] >> 2, i / 32);
      add_bits(to[32 + i / 128 * 32 + i % 32], packed.codes[i] & 3, i % 128 / 32 * 2);
    }
    for (size_t g = 0; g < 16; ++g) {
      add_bits(to[96 + g % 8], packed.scales[g] & 15, g / 8 * 4);
      add_bits(to[104 + g % 4], packed.scales[g] >> 4, g / 4 * 2);
    }
    put_half(to + 108, packed.scale);
  }
}

void quantise_q4_k(const float* from, uint8_t* to, size_t blocks) {
  for (; blocks-- > 0; from += block, to += 144) {
    const Packed<8> packed = pack_least<8>(numbers(from), 15, 63);
    std::fill_n(to, 144, uint8_t{0});
    put_half(to, packed.scale);
    put_half(to + 2, packed.least);
    put_sub_scales(to + 4, packed);
    for (size_t i = 0; i < block; ++i) add_bits(to[16 + i / 64 * 32 + i % 32], packed.codes[i], i / 32 % 2 * 4);
  }
}

void quantise_q5_k(const float* from, uint8_t* to, size_t blocks) {
  for (; blocks-- > 0; from += block, to += 176) {
    const Packed<8> packed = pack_least<8>(numbers(from), 31, 63);
    std::fill_n(to, 176, uint8_t{0});
    put_half(to, packed.scale);
    put_half(to + 2, packed.least);
    put_sub_scales(to + 4, packed);
    for (size_t i = 0; i < block; ++i) {
      add_bits(to[16 + i % 32], packed.codes[i] >> 4, i / 32);
      add_bits(to[48 + i / 64 * 32 + i % 32], packed.codes[i] & 15, i / 32 % 2 * 4);
    }
  }
}

void quantise_q6_k(const float* from, uint8_t* to, size_t blocks) {
  for (; blocks-- > 0; from += block, to += 210) {
    const Packed<16> packed = pack_centred(numbers(from), 32, 128);
    std::fill_n(to, 210, uint8_t{0});
    for (size_t i = 0; i < block; ++i) {
      const size_t part = i / 32, within = part % 4;
      add_bits(to[part / 4 * 64 + within % 2 * 32 + i % 32], packed.codes[i] & 15, within / 2 * 4);
      add_bits(to[128 + part / 4 * 32 + i % 32], packed.codes[i] >> 4, within * 2);
    }
    for (size_t g = 0; g < 16; ++g) to[192 + g] = static_cast<uint8_t>(packed.scales[g] - 128);
    put_half(to + 208, packed.scale);
  }
}

}  // namespace imagent
