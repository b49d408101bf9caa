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
      {"cuda", "an NVIDIA card", make_cuda_backend},
      {"reference", "plain loops, the executable specification (slow)",
       [](const BackendOptions&) -> std::shared_ptr<Backend> { return std::make_shared<ReferenceBackend>(); }},
  };
  return entries;
}

const std::vector<std::pair<std::string, DType>>& linear_types() {
  static const std::vector<std::pair<std::string, DType>> types = {{"int8", DType::i8}, {"fp8", DType::f8_e4m3}};
  return types;
}

// What is wrong with --linear where there is no NVIDIA card: `why`.
static void check_linear(const BackendOptions& options, const std::string& why) {
  for (const auto& [name, type] : linear_types()) check(options.linear != type, ErrorKind::unsupported, "--linear ", name, " is for NVIDIA cards: ", why);
}

static std::shared_ptr<Backend> make_fastest(const BackendOptions& options) {
  try {
    return make_cuda_backend(options);
  } catch (const Error& error) {
    if (error.kind != ErrorKind::unsupported) throw;
    check_linear(options, error.text);
    return make_cpu_backend(options);
  }
}

std::shared_ptr<Backend> make_backend(const std::string& name, const BackendOptions& options) {
  if (name == "auto") return make_fastest(options);
  std::vector<std::string> names{"auto"};
  for (const BackendEntry& entry : backend_list()) {
    if (entry.name == name) {
      if (name != "cuda") check_linear(options, str("the device ", name, " computes all layers in one type"));
      return entry.make(options);
    }
    names.push_back(entry.name);
  }
  fail(ErrorKind::usage, "unknown device '", name, "': possible are ", join(names, ", "));
}

}  // namespace imagent
