// Arguments of a command, parsed by CLI11 from a list of fields; the help text comes from the same list.
#pragma once
#include <string>
#include <vector>

#include "pipeline/field.h"

namespace imagent {

struct CommandInfo {
  std::string name, summary;
  std::string positional;             // placeholder of positional arguments, "" when there are none
  std::string positional_hint;        // what to tell somebody who gave one too many: "the prompt is given with -p"
  size_t max_positional = 0;
  std::string epilogue;               // below the flags in the help: examples
};

struct Arguments {
  GivenValues given;                  // by field name
  std::vector<std::string> positional;
  bool help = false;
};

// Errors: usage, naming the flag (with the nearest known one) or the argument.
Arguments parse_arguments(const CommandInfo& command, const std::vector<FieldInfo>& fields, std::vector<std::string> arguments);

std::string help_text(const CommandInfo& command, const std::vector<FieldInfo>& fields);

}  // namespace imagent
