// ggml's quantised blocks made out of f32 (ggml/src/ggml-quants.c, quantize_row_*_ref); those of 32 elements exactly as the
// Python package gguf makes them (quants.py, quantize_blocks). Each takes whole blocks.
#pragma once
#include <cstddef>
#include <cstdint>

namespace imagent {

void quantise_q4_0(const float* from, uint8_t* to, size_t blocks);
void quantise_q4_1(const float* from, uint8_t* to, size_t blocks);
void quantise_q5_0(const float* from, uint8_t* to, size_t blocks);
void quantise_q5_1(const float* from, uint8_t* to, size_t blocks);
void quantise_q8_0(const float* from, uint8_t* to, size_t blocks);

// With scales that are searched: close to ggml's own, not bit for bit.
void quantise_q2_k(const float* from, uint8_t* to, size_t blocks);
void quantise_q3_k(const float* from, uint8_t* to, size_t blocks);
void quantise_q4_k(const float* from, uint8_t* to, size_t blocks);
void quantise_q5_k(const float* from, uint8_t* to, size_t blocks);
void quantise_q6_k(const float* from, uint8_t* to, size_t blocks);

}  // namespace imagent
