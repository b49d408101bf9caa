// The entry of the plugin.
#include "base/version.h"
#include "cuda/cuda_backend.h"
#include "cuda_plugin.h"

namespace imagent {

extern "C" const CudaPlugin imagent_cuda_plugin = {version, []() -> std::shared_ptr<Backend> { return std::make_shared<cuda::CudaBackend>(); }};

}  // namespace imagent
