// The list of devices.
#include "backends.h"

#include "cpu/cpu_backend.h"
#include "reference/reference_backend.h"

namespace imagent {

const std::vector<BackendEntry>& backend_list() {
  static const std::vector<BackendEntry> entries = {
      {"cpu", "this machine's processor",
       [](const BackendOptions& options) -> std::shared_ptr<Backend> { return std::make_shared<CpuBackend>(options.threads); }},
      {"reference", "plain loops, the executable specification (slow)",
       [](const BackendOptions&) -> std::shared_ptr<Backend> { return std::make_shared<ReferenceBackend>(); }},
  };
  return entries;
}

std::shared_ptr<Backend> make_backend(const std::string& name, const BackendOptions& options) {
  std::vector<std::string> names{"auto"};
  for (const BackendEntry& entry : backend_list()) {
    if (entry.name == name || name == "auto") return entry.make(options);
    names.push_back(entry.name);
  }
  fail(ErrorKind::usage, "unknown device '", name, "': possible are ", join(names, ", "));
}

}  // namespace imagent
