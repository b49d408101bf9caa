// Element types of tensors and of weight files, and exact conversions of single values.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace imagent {

enum class DType : uint8_t { f64, f32, f16, bf16, f8_e4m3, f8_e5m2, i64, i32, i16, i8, u8, boolean, u64, u32, u16 };

constexpr size_t size_of(DType type) {
  switch (type) {
    case DType::f64:
    case DType::i64:
    case DType::u64: return 8;
    case DType::f32:
    case DType::i32:
    case DType::u32: return 4;
    case DType::f16:
    case DType::bf16:
    case DType::i16:
    case DType::u16: return 2;
    default: return 1;
  }
}
std::string_view name_of(DType type);  // "f32", "bf16", ...
bool is_float(DType type);

constexpr float bf16_to_f32(uint16_t x) { return std::bit_cast<float>(static_cast<uint32_t>(x) << 16); }
constexpr uint16_t f32_to_bf16(float x) {  // round to nearest even; NaN stays NaN
  const auto bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
float f16_to_f32(uint16_t x);
uint16_t f32_to_f16(float x);  // round to nearest even; overflow gives infinity
float f8_e4m3_to_f32(uint8_t x);
float f8_e5m2_to_f32(uint8_t x);
uint8_t f32_to_f8_e4m3(float x);  // as above, but there is no infinity: what is too large becomes 448, as in PyTorch from 2.13 on
uint8_t f32_to_f8_e5m2(float x);

// Reads `count` elements of `type` at `from` (unaligned allowed) as f32. Integers and f64 are rounded to f32.
void widen_to_f32(DType type, const void* from, float* to, size_t count);
// Writes `count` f32 values as `type` (f32, f16, bf16 or an f8).
void narrow_from_f32(DType type, const float* from, void* to, size_t count);

}  // namespace imagent
