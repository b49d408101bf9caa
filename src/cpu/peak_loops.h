// One loop of multiply-adds in registers an instruction set and dtype.
#pragma once
#include <cstdint>

namespace imagent::cpu {

struct PeakLoop {
  double flop_a_round;                // of one thread
  float (*run)(int64_t rounds);       // returns something that depends on all of it
};

extern const PeakLoop peak_avx2_f32, peak_avx512_f32, peak_avx512bf16_bf16, peak_avx512vnni_int8;

}  // namespace imagent::cpu
