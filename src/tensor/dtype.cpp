// Element type names and conversions.
#include "tensor/dtype.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace imagent {

std::string_view name_of(DType type) {
  constexpr std::string_view names[] = {"f64", "f32", "f16", "bf16", "f8_e4m3", "f8_e5m2", "i64", "i32", "i16", "i8", "u8", "bool", "u64", "u32", "u16"};
  return names[static_cast<size_t>(type)];
}

bool is_float(DType type) { return type <= DType::f8_e5m2; }

float f16_to_f32(uint16_t x) {
  const uint32_t sign = static_cast<uint32_t>(x & 0x8000) << 16;
  const uint32_t rest = x & 0x7fff;
  if (rest >= 0x7c00) return std::bit_cast<float>(sign | 0x7f800000 | (rest & 0x3ff) << 13);
  if (rest >= 0x400) return std::bit_cast<float>(sign | ((rest << 13) + 0x38000000));
  const float subnormal = static_cast<float>(rest) * 0x1p-24f;
  return sign ? -subnormal : subnormal;
}

// The code of a magnitude (an f32's bits without the sign) in fewer bits, rounded to nearest even. Codes go on past the
// largest number; what they mean there is up to the format.
template <int exponent_bits, int mantissa_bits>
static uint32_t narrowed(uint32_t magnitude) {
  constexpr int bias = (1 << (exponent_bits - 1)) - 1, shift = 23 - mantissa_bits;
  constexpr auto float_of_power = [](int power) { return static_cast<uint32_t>(127 + power) << 23; };
  if (magnitude < float_of_power(1 - bias)) {  // subnormal: the float adder rounds for us
    constexpr uint32_t unit = float_of_power(1 - bias - mantissa_bits + 23);
    return std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + std::bit_cast<float>(unit)) - unit;
  }
  const uint32_t rounded = magnitude + (1u << (shift - 1)) - 1 + (magnitude >> shift & 1);
  return (rounded - float_of_power(-bias)) >> shift;
}

constexpr uint32_t infinity = 0x7f800000;

uint16_t f32_to_f16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffff;
  const uint32_t code = magnitude > infinity ? 0x7e00 : std::min(narrowed<5, 10>(magnitude), 0x7c00u);
  return static_cast<uint16_t>((bits >> 16 & 0x8000) | code);
}

uint8_t f32_to_f8_e5m2(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffff;
  const uint32_t code = magnitude > infinity ? 0x7f : std::min(narrowed<5, 2>(magnitude), 0x7cu);
  return static_cast<uint8_t>((bits >> 24 & 0x80) | code);
}

uint8_t f32_to_f8_e4m3(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffff;
  const uint32_t code = magnitude > infinity ? 0x7f : std::min(narrowed<4, 3>(magnitude), 0x7eu);
  return static_cast<uint8_t>((bits >> 24 & 0x80) | code);
}

float f8_e5m2_to_f32(uint8_t x) { return f16_to_f32(static_cast<uint16_t>(x << 8)); }

float f8_e4m3_to_f32(uint8_t x) {
  const int exponent = x >> 3 & 15, mantissa = x & 7;
  float value;
  if (exponent == 15 && mantissa == 7)
    value = std::numeric_limits<float>::quiet_NaN();
  else if (exponent == 0)
    value = static_cast<float>(mantissa) * 0x1p-9f;
  else
    value = std::bit_cast<float>(static_cast<uint32_t>(exponent + 120) << 23 | static_cast<uint32_t>(mantissa) << 20);
  return x & 0x80 ? -value : value;
}

template <class T, class Convert>
static void widen(const void* from, float* to, size_t count, Convert convert) {
  const auto* bytes = static_cast<const char*>(from);
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    to[i] = convert(value);
  }
}

void widen_to_f32(DType type, const void* from, float* to, size_t count) {
  const auto plain = [](auto x) { return static_cast<float>(x); };
  switch (type) {
    case DType::f64: return widen<double>(from, to, count, plain);
    case DType::f32: std::memcpy(to, from, count * sizeof(float)); return;
    case DType::f16: return widen<uint16_t>(from, to, count, f16_to_f32);
    case DType::bf16: return widen<uint16_t>(from, to, count, bf16_to_f32);
    case DType::f8_e4m3: return widen<uint8_t>(from, to, count, f8_e4m3_to_f32);
    case DType::f8_e5m2: return widen<uint8_t>(from, to, count, f8_e5m2_to_f32);
    case DType::i64: return widen<int64_t>(from, to, count, plain);
    case DType::i32: return widen<int32_t>(from, to, count, plain);
    case DType::i16: return widen<int16_t>(from, to, count, plain);
    case DType::i8: return widen<int8_t>(from, to, count, plain);
    case DType::u8:
    case DType::boolean: return widen<uint8_t>(from, to, count, plain);
    case DType::u64: return widen<uint64_t>(from, to, count, plain);
    case DType::u32: return widen<uint32_t>(from, to, count, plain);
    case DType::u16: return widen<uint16_t>(from, to, count, plain);
  }
}

template <class T, class Convert>
static void narrow(const float* from, void* to, size_t count, Convert convert) {
  auto* out = static_cast<T*>(to);
  for (size_t i = 0; i < count; ++i) out[i] = convert(from[i]);
}

void narrow_from_f32(DType type, const float* from, void* to, size_t count) {
  switch (type) {
    case DType::f32: std::memcpy(to, from, count * sizeof(float)); return;
    case DType::f16: return narrow<uint16_t>(from, to, count, f32_to_f16);
    case DType::bf16: return narrow<uint16_t>(from, to, count, f32_to_bf16);
    case DType::f8_e4m3: return narrow<uint8_t>(from, to, count, f32_to_f8_e4m3);
    case DType::f8_e5m2: return narrow<uint8_t>(from, to, count, f32_to_f8_e5m2);
    default: fail(ErrorKind::internal, "narrow_from_f32: cannot write ", name_of(type));
  }
}

}  // namespace imagent
