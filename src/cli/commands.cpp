// Which command the arguments mean, the overview, and errors as exit codes.
#include "cli/commands.h"

#include <algorithm>
#include <new>

#include "base/error.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"

namespace imagent {

const std::vector<Command>& commands() {
  static const std::vector<Command> list = [] {
    std::vector<Command> all = picture_commands();
    for (Command& command : std::vector{upscale_command(), tokenize_command(), inspect_command(), bench_command(), doctor_command(), version_command()})
      all.push_back(std::move(command));
    return all;
  }();
  return list;
}

static std::string overview() {
  std::string text = "imagent draws pictures from sentences with Stable Diffusion models\n\nUsage: imagent COMMAND [flags]\n\n";
  for (const Command& command : commands())
    text += str("  ", command.info.name, std::string(12 - command.info.name.size(), ' '), command.info.summary,
                command.alias.empty() ? "" : " (also: " + command.alias + ")", "\n");
  return text +
         "  help        The flags of a command: imagent help txt2img\n\n"
         "Without a command, flags mean txt2img:\n"
         "  imagent -p \"a red house by the sea at sunset\" -o house.png\n";
}

static const Command& find_command(const std::string& name) {
  std::vector<std::string> names = {"help"};
  for (const Command& command : commands()) {
    if (name == command.info.name || (!command.alias.empty() && name == command.alias)) return command;
    names.push_back(command.info.name);
    if (!command.alias.empty()) names.push_back(command.alias);
  }
  const std::string nearest = nearest_name(name, names);
  fail(ErrorKind::usage, "unknown command ", quoted(name), nearest.empty() ? "" : "; did you mean " + nearest + "?", nearest.empty() ? "; commands: " : " Commands: ",
       join(names, ", "));
}

static int run_command(const Command& command, const std::vector<std::string>& arguments) {
  const Arguments parsed = parse_arguments(command.info, command.fields, arguments);
  if (!parsed.help) return command.run(parsed);
  write_result(help_text(command.info, command.fields));
  return 0;
}

static int dispatch(const std::vector<std::string>& arguments) {
  const std::string first = arguments.empty() ? "help" : arguments.front();
  if (first == "help" || first == "--help" || first == "-h") {
    if (arguments.size() < 2) {
      write_result(overview());
    } else {
      const Command& command = find_command(arguments[1]);
      write_result(help_text(command.info, command.fields));
    }
    return 0;
  }
  if (first == "--version") return run_command(find_command("version"), {});
  if (first.starts_with("-")) return run_command(find_command("txt2img"), arguments);
  return run_command(find_command(first), {arguments.begin() + 1, arguments.end()});
}

int run_program(const std::vector<std::string>& arguments) {
  try {
    return dispatch(arguments);
  } catch (const Error& error) {
    write_error(str("imagent: ", error.text, "\n"));
    return exit_code(error.kind);
  } catch (const std::bad_alloc&) {
    write_error("imagent: not enough memory; a smaller size, batch or model needs less\n");
    return exit_code(ErrorKind::memory);
  } catch (const std::exception& error) {
    write_error(str("imagent: internal error: ", error.what(), "\n"));
    return exit_code(ErrorKind::internal);
  }
}

}  // namespace imagent
