// In this program the CUDA plugin is the emulated card: the same backend, small parts of large products.
#include "cuda/cuda_backend.h"
#include "cuda_plugin.h"

namespace imagent {

std::shared_ptr<Backend> make_cuda_backend() { return std::make_shared<cuda::CudaBackend>(int64_t{1} << 17); }

}  // namespace imagent
