// The devices this build knows, by name. The only place that names them.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "tensor/backend.h"

namespace imagent {

struct BackendOptions {
  int threads = 0;        // 0: all cores this process may use
  bool low_vram = false;  // of a graphics card: weights stay with the host where there is no room for them
};

struct BackendEntry {
  std::string name, help;
  std::shared_ptr<Backend> (*make)(const BackendOptions&);
};
const std::vector<BackendEntry>& backend_list();

// "auto" is the fastest that works here. Errors: usage, naming the possible ones.
std::shared_ptr<Backend> make_backend(const std::string& name, const BackendOptions& options = {});

}  // namespace imagent
