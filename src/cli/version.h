// Which imagent this is.
#pragma once
#include <string>

namespace imagent {

std::string version_number();  // "0.1.0"
std::string compiler_text();   // "g++ 12.2.0"
std::string processor_name();  // as the system calls it

}  // namespace imagent
