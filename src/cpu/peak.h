// What the multipliers of this machine can do at most: the yardstick of all speed figures.
#pragma once

namespace imagent {

// GFLOP/s (a multiplication and an addition are two) of all threads together; 0 where the processor has no such instruction.
struct PeakGflops {
  double f32 = 0, bf16 = 0, int8 = 0;
};

// Loops of nothing but multiply-adds in registers, on so many threads; takes about a third of a second.
PeakGflops probe_peak(int threads);

}  // namespace imagent
