// Errors of CUDA's runtime as ours.
#pragma once
#include <cuda_runtime.h>

#include "base/error.h"

namespace imagent::cuda {

// Errors: memory when the card has no more, else internal.
inline void check_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  check(status != cudaErrorMemoryAllocation, ErrorKind::memory, "out of memory on the graphics card: ", what);
  fail(ErrorKind::internal, "CUDA: ", what, ": ", cudaGetErrorString(status));
}

}  // namespace imagent::cuda
