// A plugin of another build than the program's.
#include "cuda_plugin.h"

namespace imagent {

extern "C" const CudaPlugin imagent_cuda_plugin = {"0.0.0 of another build", [](const BackendOptions&) -> std::shared_ptr<Backend> { return nullptr; }};

}  // namespace imagent
