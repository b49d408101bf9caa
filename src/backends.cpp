// The list of devices.
#include "backends.h"

#include "cpu/cpu_backend.h"
#include "cuda_plugin.h"
#include "reference/reference_backend.h"

namespace imagent {

static std::shared_ptr<Backend> make_cpu_backend(const BackendOptions& options) { return std::make_shared<CpuBackend>(options.threads); }

const std::vector<BackendEntry>& backend_list() {
  static const std::vector<BackendEntry> entries = {
      {"cpu", "this machine's processor", make_cpu_backend},
      {"cuda", "an NVIDIA card", [](const BackendOptions& options) { return make_cuda_backend(options.low_vram); }},
      {"reference", "plain loops, the executable specification (slow)",
       [](const BackendOptions&) -> std::shared_ptr<Backend> { return std::make_shared<ReferenceBackend>(); }},
  };
  return entries;
}

static std::shared_ptr<Backend> make_fastest(const BackendOptions& options) {
  try {
    return make_cuda_backend(options.low_vram);
  } catch (const Error& error) {
    if (error.kind != ErrorKind::unsupported) throw;
    return make_cpu_backend(options);
  }
}

std::shared_ptr<Backend> make_backend(const std::string& name, const BackendOptions& options) {
  if (name == "auto") return make_fastest(options);
  std::vector<std::string> names{"auto"};
  for (const BackendEntry& entry : backend_list()) {
    if (entry.name == name) return entry.make(options);
    names.push_back(entry.name);
  }
  fail(ErrorKind::usage, "unknown device '", name, "': possible are ", join(names, ", "));
}

}  // namespace imagent
