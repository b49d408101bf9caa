// What the multipliers of this machine can do at most: the yardstick of all speed figures.
#pragma once
#include "tensor/backend.h"

namespace imagent {

// Loops of nothing but multiply-adds in registers, on so many threads; takes about a third of a second.
PeakGflops probe_peak(int threads);

}  // namespace imagent
