// Environment variables, or a stand-in for them.
#pragma once
#include <functional>

namespace imagent {

using Environment = std::function<const char*(const char* name)>;   // nullptr when it is unset, as std::getenv

Environment process_environment();

}  // namespace imagent
