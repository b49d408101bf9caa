// ggml's quantised blocks, widened to f32 (ggml/src/ggml-quants.c, dequantize_row_*). Each takes whole blocks.
#pragma once
#include <cstddef>
#include <cstdint>

namespace imagent {

void dequantise_q4_0(const uint8_t* from, float* to, size_t blocks);
void dequantise_q4_1(const uint8_t* from, float* to, size_t blocks);
void dequantise_q5_0(const uint8_t* from, float* to, size_t blocks);
void dequantise_q5_1(const uint8_t* from, float* to, size_t blocks);
void dequantise_q8_0(const uint8_t* from, float* to, size_t blocks);
void dequantise_q2_k(const uint8_t* from, float* to, size_t blocks);
void dequantise_q3_k(const uint8_t* from, float* to, size_t blocks);
void dequantise_q4_k(const uint8_t* from, float* to, size_t blocks);
void dequantise_q5_k(const uint8_t* from, float* to, size_t blocks);
void dequantise_q6_k(const uint8_t* from, float* to, size_t blocks);
void dequantise_iq4_nl(const uint8_t* from, float* to, size_t blocks);
void dequantise_iq4_xs(const uint8_t* from, float* to, size_t blocks);

}  // namespace imagent
