// The commands of the program, listed once: name (one word or two: "models list"), flags, help and what they do.
#pragma once
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace imagent {

struct Command {
  CommandInfo info;
  std::string alias;
  std::vector<FieldInfo> fields;
  int (*run)(const Arguments&);        // returns the exit code
};
const std::vector<Command>& commands();

std::vector<Command> picture_commands();  // txt2img, img2img, inpaint, outpaint, pix2pix
Command upscale_command();
Command models_list_command();
Command models_pull_command();
Command models_info_command();
Command models_verify_command();
Command models_rm_command();
Command serve_command();
Command tokenize_command();
Command inspect_command();
Command convert_command();
Command bench_command();
Command doctor_command();
Command version_command();

// One JSON object as a line of standard output; bytes that are no UTF-8 are replaced.
template <class Json>
std::string json_text(const Json& object) {
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// The whole program: arguments without its name -> exit code. Every error becomes one line on standard error.
int run_program(const std::vector<std::string>& arguments);

}  // namespace imagent
