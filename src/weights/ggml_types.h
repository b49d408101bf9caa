// How ggml stores tensors: plain elements, or blocks of 32 or 256 quantised ones with their scales.
// Numbers and block layouts: ggml/include/ggml.h (enum ggml_type), ggml/src/ggml-common.h.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "tensor/dtype.h"

namespace imagent {

// Widens `blocks` whole blocks at `from` (no alignment needed) to f32.
using Dequantise = void (*)(const uint8_t* from, float* to, size_t blocks);
// The other way.
using Quantise = void (*)(const float* from, uint8_t* to, size_t blocks);

struct GgmlType {
  uint32_t id;
  std::string_view name;            // "Q4_K"
  uint32_t block, bytes;            // elements of a block and its size
  std::optional<DType> dtype;       // of plain elements
  Dequantise dequantise = nullptr;  // neither this nor a dtype: known, but not read
  Quantise quantise = nullptr;      // neither this nor a dtype: not written
};

// nullptr for a number that ggml does not use (any more).
const GgmlType* ggml_type(uint32_t id);
const GgmlType* ggml_type(DType dtype);  // of plain elements; nullptr for those that ggml lacks
std::span<const GgmlType> ggml_types();

}  // namespace imagent
