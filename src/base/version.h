// The version of this build.
#pragma once

namespace imagent {

extern const char* const version;  // "0.1.0"

}  // namespace imagent
