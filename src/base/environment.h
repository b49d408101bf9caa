// Environment variables, or a stand-in for them, and the folder that the user calls home.
#pragma once
#include <filesystem>
#include <functional>

namespace imagent {

using Environment = std::function<const char*(const char* name)>;   // nullptr when it is unset, as std::getenv

Environment process_environment();

// $HOME, else what the system's list of users says (services often run without the variable), else the folder for temporary
// files: never the one that a program happens to run in.
std::filesystem::path home_folder(const Environment& environment = process_environment());

}  // namespace imagent
