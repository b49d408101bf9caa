// What the plugin libimagent_cuda.so exports, and finding it. The program itself is linked with nothing of NVIDIA's, so one
// build serves machines with and without a card.
#pragma once
#include <memory>

#include "tensor/backend.h"

namespace imagent {

struct CudaPlugin {
  const char* version;  // of imagent: plugin and program are of one build
  std::shared_ptr<Backend> (*make)(bool low_vram);
};
extern "C" const CudaPlugin imagent_cuda_plugin;  // in src/cuda/plugin.cpp

// The backend of the plugin beside the program or in ../lib/imagent. Errors: unsupported, saying what is missing.
std::shared_ptr<Backend> make_cuda_backend(bool low_vram);

}  // namespace imagent
