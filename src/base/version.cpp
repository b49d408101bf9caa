// The version that CMake was told.
#include "base/version.h"

namespace imagent {

const char* const version = IMAGENT_VERSION;

}  // namespace imagent
