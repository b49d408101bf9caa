// The command `version`, and what reports say about program and machine.
#include "cli/version.h"

#include <fstream>

#include "base/str.h"
#include "base/version.h"
#include "cli/commands.h"
#include "cli/console.h"

namespace imagent {

std::string version_number() { return version; }

std::string compiler_text() {
#ifdef __clang__
  return str("clang ", __clang_major__, ".", __clang_minor__, ".", __clang_patchlevel__);
#else
  return str("g++ ", __GNUC__, ".", __GNUC_MINOR__, ".", __GNUC_PATCHLEVEL__);
#endif
}

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return std::string(trim(line.substr(line.find(':') + 1)));
  return "unknown";
}

static int run_version(const Arguments&) {
  write_result(str("imagent ", version_number(), "\n"));
  return 0;
}

Command version_command() {
  return {{.name = "version", .summary = "The version", .positional = "", .positional_hint = "", .max_positional = 0, .epilogue = ""}, "", {}, run_version};
}

}  // namespace imagent
