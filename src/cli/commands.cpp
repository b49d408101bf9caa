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
    for (Command& command : std::vector{upscale_command(), convert_command(), models_list_command(), models_pull_command(), models_info_command(),
                                        models_verify_command(), models_rm_command(), serve_command(), tokenize_command(), inspect_command(), bench_command(), doctor_command(), version_command()})
      all.push_back(std::move(command));
    return all;
  }();
  return list;
}

static std::string overview_line(const Command& command) {
  constexpr size_t column = 15;
  return str("  ", command.info.name, std::string(column - command.info.name.size(), ' '), command.info.summary, command.alias.empty() ? "" : " (also: " + command.alias + ")", "\n");
}

static std::string overview() {
  std::string text = "imagent draws pictures from sentences with Stable Diffusion models\n\nUsage: imagent COMMAND [flags]\n\n";
  for (const Command& command : commands()) text += overview_line(command);
  return text +
         "  help           The flags of a command: imagent help txt2img\n\n"
         "Without a command, flags mean txt2img:\n"
         "  imagent -p \"a red house by the sea at sunset\" -o house.png\n";
}

// Whose names begin with that word.
static std::vector<std::string> commands_of_group(const std::string& word) {
  std::vector<std::string> names;
  for (const Command& command : commands())
    if (command.info.name.starts_with(word + " ")) names.push_back(command.info.name);
  return names;
}

static const Command& find_command(const std::string& name) {
  std::vector<std::string> names = {"help"};
  for (const Command& command : commands()) {
    if (name == command.info.name || (!command.alias.empty() && name == command.alias)) return command;
    names.push_back(command.info.name);
    if (!command.alias.empty()) names.push_back(command.alias);
  }
  const std::string word = name.substr(0, name.find(' '));
  const std::vector<std::string> group = commands_of_group(word);
  check(group.empty() || name != word, ErrorKind::usage, quoted(name), " needs a second word: ", join(group, ", "));
  if (!group.empty()) names = group;
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

// The first word, or two of them when commands of two words begin with the first.
static std::string command_name(std::vector<std::string>::const_iterator begin, std::vector<std::string>::const_iterator end) {
  const bool two = end - begin > 1 && !begin[1].starts_with("-") && !commands_of_group(*begin).empty();
  return two ? *begin + " " + begin[1] : *begin;
}

static std::string help_of(const std::string& name) {
  const std::vector<std::string> group = commands_of_group(name);
  if (group.empty()) {
    const Command& command = find_command(name);
    return help_text(command.info, command.fields);
  }
  std::string text;
  for (const std::string& member : group) text += overview_line(find_command(member));
  return text + "\nimagent help " + group.front() + " shows the flags of one\n";
}

static int dispatch(const std::vector<std::string>& arguments) {
  const std::string first = arguments.empty() ? "help" : arguments.front();
  if (first == "help" || first == "--help" || first == "-h") {
    write_result(arguments.size() < 2 ? overview() : help_of(command_name(arguments.begin() + 1, arguments.end())));
    return 0;
  }
  if (first == "--version") return run_command(find_command("version"), {});
  if (first.starts_with("-")) return run_command(find_command("txt2img"), arguments);
  const std::string name = command_name(arguments.begin(), arguments.end());
  const bool asks_for_help = arguments.size() == 2 && (arguments[1] == "--help" || arguments[1] == "-h");
  if (asks_for_help && !commands_of_group(name).empty()) {
    write_result(help_of(name));
    return 0;
  }
  return run_command(find_command(name), {arguments.begin() + (name == first ? 1 : 2), arguments.end()});
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
