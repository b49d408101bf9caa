// NVRTC, which cuDNN calls to compile kernels of attention.
#pragma once

namespace imagent::cuda {

// Loads NVRTC with its other half, libnvrtc-builtins, which it finds by itself only where the system finds libraries, not beside
// itself: without that half nothing is compiled, and attention goes the slow way. Does nothing where there is none.
void load_kernel_compiler();

}  // namespace imagent::cuda
