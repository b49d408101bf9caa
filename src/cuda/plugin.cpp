// The entry of the plugin.
#include "base/version.h"
#include "cuda/cuda_backend.h"
#include "cuda_plugin.h"

namespace imagent {

extern "C" const CudaPlugin imagent_cuda_plugin = {
    version, [](bool low_vram) -> std::shared_ptr<Backend> { return std::make_shared<cuda::CudaBackend>(cuda::CudaOptions{.low_vram = low_vram}); }};

}  // namespace imagent
