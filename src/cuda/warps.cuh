// Warps, of which each has a row of its own or joins what its lanes found.
#pragma once
#include "cuda/types.cuh"

namespace imagent::cuda {

constexpr unsigned all_lanes = 0xffffffff;
constexpr int warp = 32, warps = block_size / warp;

// join(a, b) of what all lanes have; every lane gets it.
template <class Join>
__device__ float warp_reduced(float x, Join join) {
  for (int step = warp / 2; step > 0; step /= 2) x = join(x, __shfl_xor_sync(all_lanes, x, step));
  return x;
}
__device__ inline float warp_sum(float x) {
  return warp_reduced(x, [](float a, float b) { return a + b; });
}

inline unsigned blocks_of_warps(int64_t count) { return static_cast<unsigned>((count + warps - 1) / warps); }

}  // namespace imagent::cuda
