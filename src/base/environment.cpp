// The process's own variables.
#include "base/environment.h"

#include <cstdlib>

namespace imagent {

Environment process_environment() {
  return [](const char* name) -> const char* { return std::getenv(name); };
}

}  // namespace imagent
