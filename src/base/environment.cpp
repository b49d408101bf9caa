// The process's own variables.
#include "base/environment.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace imagent {

Environment process_environment() {
  return [](const char* name) -> const char* { return std::getenv(name); };
}

std::filesystem::path home_folder(const Environment& environment) {
  if (const char* home = environment("HOME"); home && *home) return home;
  passwd user{}, *found = nullptr;
  std::array<char, 4096> texts;
  if (getpwuid_r(getuid(), &user, texts.data(), texts.size(), &found) == 0 && found && found->pw_dir && *found->pw_dir) return found->pw_dir;
  std::error_code none;
  return std::filesystem::temp_directory_path(none);
}

}  // namespace imagent
