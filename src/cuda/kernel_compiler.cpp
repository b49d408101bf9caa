// Finding both halves of NVRTC.
#include "cuda/kernel_compiler.h"

#include <dlfcn.h>
#include <link.h>

#include <string>

#include "base/error.h"

namespace imagent::cuda {

void load_kernel_compiler() {
  void* compiler = dlopen("libnvrtc.so.13", RTLD_NOW | RTLD_LOCAL);  // loaded for good, as all of NVIDIA's
  if (!compiler) return;
  int (*version)(int* major, int* minor) = nullptr;
  *reinterpret_cast<void**>(&version) = dlsym(compiler, "nvrtcVersion");
  const link_map* place = nullptr;
  int major = 0, minor = 0;
  if (!version || version(&major, &minor) != 0 || dlinfo(compiler, RTLD_DI_LINKMAP, &place) != 0) return;
  const std::string path = place->l_name;
  dlopen(str(path.substr(0, path.rfind('/') + 1), "libnvrtc-builtins.so.", major, '.', minor).c_str(), RTLD_NOW | RTLD_LOCAL);
}

}  // namespace imagent::cuda
