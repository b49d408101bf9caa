// The backends that this build knows, for tests.
#include "support/devices.h"

namespace imagent::test {

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const BackendEntry& entry : backend_list()) names.push_back(entry.name);
  return names;
}

Backend& backend(const std::string& name) {
  static std::map<std::string, std::shared_ptr<Backend>> made;
  auto& entry = made[name];
  if (!entry) entry = make_backend(name);
  return *entry;
}

std::string missing_device(const std::string& name) {
  try {
    backend(name);
    return "";
  } catch (const Error& error) {
    if (error.kind != ErrorKind::unsupported) throw;
    return error.text;
  }
}

}  // namespace imagent::test
