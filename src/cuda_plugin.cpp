// Loading the plugin.
#include "cuda_plugin.h"

#include <dlfcn.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "base/version.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;

constexpr const char* file_name = "libimagent_cuda.so";

fs::path plugin_path() {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& path : {folder / file_name, folder / "../lib/imagent" / file_name})
    if (!error && fs::exists(path, error)) return path;
  fail(ErrorKind::unsupported, "this build has no CUDA: ", file_name, " is neither beside the program nor in ../lib/imagent");
}

// The plugin, loaded for good: its libraries do not like to be unloaded.
const CudaPlugin& load() {
  const std::string path = plugin_path().string();
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  check(library != nullptr, ErrorKind::unsupported, "the CUDA plugin cannot be loaded: ", library ? "" : dlerror());
  const auto* plugin = static_cast<const CudaPlugin*>(dlsym(library, "imagent_cuda_plugin"));
  check(plugin && std::string_view(plugin->version) == version, ErrorKind::unsupported, path, " is of another version of imagent");
  return *plugin;
}

}  // namespace

std::shared_ptr<Backend> make_cuda_backend(bool low_vram) {
  static const CudaPlugin& plugin = load();
  return plugin.make(low_vram);
}

}  // namespace imagent
