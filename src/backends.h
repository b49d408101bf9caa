// The devices this build knows, by name. The only place that names them.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tensor/backend.h"
#include "tensor/backend_options.h"

namespace imagent {

// What --linear may say.
const std::vector<std::pair<std::string, DType>>& linear_types();

struct BackendEntry {
  std::string name, help;
  std::shared_ptr<Backend> (*make)(const BackendOptions&);
};
const std::vector<BackendEntry>& backend_list();

// "auto" is the fastest that works here. Errors: usage, naming the possible ones; unsupported, when the device does not work here
// or has no such linear layers.
std::shared_ptr<Backend> make_backend(const std::string& name, const BackendOptions& options = {});

}  // namespace imagent
