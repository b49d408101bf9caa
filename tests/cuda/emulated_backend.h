// The CUDA backend on emulated cards.
#pragma once
#include "cuda/cuda_backend.h"

namespace imagent::test {

cuda::CudaBackend& emulated_cuda();  // one for all tests

}  // namespace imagent::test
