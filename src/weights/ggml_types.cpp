// The table of ggml's types.
#include "weights/ggml_types.h"

#include <algorithm>
#include <iterator>

#include "weights/dequantise.h"
#include "weights/quantise.h"

namespace imagent {

static constexpr GgmlType types[] = {
    {0, "F32", 1, 4, DType::f32},
    {1, "F16", 1, 2, DType::f16},
    {2, "Q4_0", 32, 18, {}, dequantise_q4_0, quantise_q4_0},
    {3, "Q4_1", 32, 20, {}, dequantise_q4_1, quantise_q4_1},
    {6, "Q5_0", 32, 22, {}, dequantise_q5_0, quantise_q5_0},
    {7, "Q5_1", 32, 24, {}, dequantise_q5_1, quantise_q5_1},
    {8, "Q8_0", 32, 34, {}, dequantise_q8_0, quantise_q8_0},
    {9, "Q8_1", 32, 36, {}},
    {10, "Q2_K", 256, 84, {}, dequantise_q2_k, quantise_q2_k},
    {11, "Q3_K", 256, 110, {}, dequantise_q3_k, quantise_q3_k},
    {12, "Q4_K", 256, 144, {}, dequantise_q4_k, quantise_q4_k},
    {13, "Q5_K", 256, 176, {}, dequantise_q5_k, quantise_q5_k},
    {14, "Q6_K", 256, 210, {}, dequantise_q6_k, quantise_q6_k},
    {15, "Q8_K", 256, 292, {}},
    {16, "IQ2_XXS", 256, 66, {}},
    {17, "IQ2_XS", 256, 74, {}},
    {18, "IQ3_XXS", 256, 98, {}},
    {19, "IQ1_S", 256, 50, {}},
    {20, "IQ4_NL", 32, 18, {}, dequantise_iq4_nl},
    {21, "IQ3_S", 256, 110, {}},
    {22, "IQ2_S", 256, 82, {}},
    {23, "IQ4_XS", 256, 136, {}, dequantise_iq4_xs},
    {24, "I8", 1, 1, DType::i8},
    {25, "I16", 1, 2, DType::i16},
    {26, "I32", 1, 4, DType::i32},
    {27, "I64", 1, 8, DType::i64},
    {28, "F64", 1, 8, DType::f64},
    {29, "IQ1_M", 256, 56, {}},
    {30, "BF16", 1, 2, DType::bf16},
    {34, "TQ1_0", 256, 54, {}},
    {35, "TQ2_0", 256, 66, {}},
};

const GgmlType* ggml_type(uint32_t id) {
  const auto* found = std::find_if(std::begin(types), std::end(types), [&](const GgmlType& type) { return type.id == id; });
  return found == std::end(types) ? nullptr : found;
}

const GgmlType* ggml_type(DType dtype) {
  const auto* found = std::find_if(std::begin(types), std::end(types), [&](const GgmlType& type) { return type.dtype == dtype; });
  return found == std::end(types) ? nullptr : found;
}

std::span<const GgmlType> ggml_types() { return types; }

}  // namespace imagent
