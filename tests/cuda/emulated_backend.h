// The CUDA backend on emulated cards.
#pragma once
#include <utility>

#include "cuda/cuda_backend.h"
#include "support/error_of.h"

namespace imagent::test {

cuda::CudaBackend& emulated_cuda();  // one for all tests

// Sets a variable of the emulated machine for the length of a test.
template <class T>
struct Set {
  T& variable;
  T before;
  Set(T& variable, T value) : variable(variable), before(std::exchange(variable, value)) {}
  ~Set() { variable = before; }
};

}  // namespace imagent::test
