// The entry of the plugin.
#include "base/version.h"
#include "cuda/cuda_backend.h"
#include "cuda_plugin.h"

namespace imagent {

static std::shared_ptr<Backend> make(const BackendOptions& options) {
  return std::make_shared<cuda::CudaBackend>(cuda::CudaOptions{.low_vram = options.low_vram, .eight_bit = {.dtype = options.linear}});
}

extern "C" const CudaPlugin imagent_cuda_plugin = {version, make};

}  // namespace imagent
