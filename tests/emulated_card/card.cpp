// In this program the CUDA plugin is the emulated card: the same backend, small parts of large products.
#include "cuda/cuda_backend.h"
#include "cuda_plugin.h"

namespace imagent {

std::shared_ptr<Backend> make_cuda_backend(const BackendOptions& options) {
  return std::make_shared<cuda::CudaBackend>(cuda::CudaOptions{.low_vram = options.low_vram, .eight_bit = {.dtype = options.linear}, .part_bytes = int64_t{1} << 17});
}

}  // namespace imagent
