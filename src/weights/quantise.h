// ggml's quantised blocks made out of f32 (ggml/src/ggml-quants.c, quantize_row_*_ref; exactly as the Python package gguf,
// quants.py, quantize_blocks). Each takes whole blocks.
#pragma once
#include <cstddef>
#include <cstdint>

namespace imagent {

void quantise_q4_0(const float* from, uint8_t* to, size_t blocks);
void quantise_q4_1(const float* from, uint8_t* to, size_t blocks);
void quantise_q5_0(const float* from, uint8_t* to, size_t blocks);
void quantise_q5_1(const float* from, uint8_t* to, size_t blocks);
void quantise_q8_0(const float* from, uint8_t* to, size_t blocks);

}  // namespace imagent
