// Fields as CLI11 options. Values stay text here: pipeline/field.h parses them, so that flags, environment and
// configuration files share one set of rules and messages.
#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <memory>

#include "base/error.h"

namespace imagent {

constexpr size_t help_column = 34, help_width = 66;

static std::string wrapped(const std::string& text) {
  std::string out;
  size_t column = 0;
  for (const std::string_view word : split(text, ' ')) {
    if (column != 0) {
      const bool fits = column + 1 + word.size() <= help_width;
      out += fits ? ' ' : '\n';
      column = fits ? column + 1 : 0;
    }
    out += word;
    column += word.size();
  }
  return out;
}

static std::string description(const FieldInfo& field) {
  if (field.kind == FieldKind::toggle || field.kind == FieldKind::count) return wrapped(field.help);
  const bool plain = field.allowed.starts_with("text") || field.allowed == "a path";
  std::string more = plain ? "" : field.allowed;
  if (!field.default_text.empty()) more += str(more.empty() ? "" : "; ", "default: ", field.default_text);
  return wrapped(more.empty() ? field.help : str(field.help, " (", more, ")"));
}

namespace {
// CLI11 writes into these while it parses.
struct Bound {
  const FieldInfo* field;
  const FieldInfo* list;  // whose part the field is; null: none
  CLI::Option* option;
};
struct Parser {
  CLI::App app;
  std::deque<std::string> texts;
  std::vector<Bound> options;

  Parser(const CommandInfo& command, const std::vector<FieldInfo>& fields) : app(command.summary, "imagent " + command.name) {
    app.allow_extras();
    app.set_help_flag("-h,--help", "This text");
    app.get_formatter()->column_width(help_column);
    for (const FieldInfo& field : fields) {
      if (!field.flags.empty()) add(field, nullptr);
      for (const FieldInfo& part : field.parts) add(part, &field);
    }
  }

  void add(const FieldInfo& field, const FieldInfo* list) {
    const std::string names = join(field.flags, ",");
    const std::string help = description(field);
    CLI::Option* option;
    if (field.kind == FieldKind::value || field.kind == FieldKind::list) {
      texts.emplace_back();
      option = app.add_option(names, texts.back(), help)->type_name(field.value);
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    } else {
      option = app.add_flag(names, help);
    }
    option->group(field.group);
    options.push_back({&field, list, option});
  }
};
}  // namespace

static std::vector<std::string> all_flags(const std::vector<FieldInfo>& fields) {
  std::vector<std::string> flags = {"--help"};
  for (const FieldInfo& field : fields) {
    flags.insert(flags.end(), field.flags.begin(), field.flags.end());
    for (const FieldInfo& part : field.parts) flags.insert(flags.end(), part.flags.begin(), part.flags.end());
  }
  return flags;
}

static void refuse_flag(const CommandInfo& command, const std::vector<FieldInfo>& fields, const std::string& argument) {
  const std::string flag = argument.substr(0, argument.find('='));
  const std::string nearest = flag.starts_with("--") ? nearest_name(flag, all_flags(fields)) : "";
  fail(ErrorKind::usage, "unknown flag ", quoted(flag), nearest.empty() ? "" : "; did you mean " + nearest + "?", " (imagent help ",
       command.name, " lists all)");
}

// CLI11 reads "--flag=" as a flag whose value is the next argument; and what follows "--" is never a flag.
static std::vector<std::string> prepare(std::vector<std::string>& arguments) {
  const auto mark = std::find(arguments.begin(), arguments.end(), "--");
  std::vector<std::string> behind(mark == arguments.end() ? mark : mark + 1, arguments.end());
  arguments.erase(mark, arguments.end());
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string& argument = arguments[i];
    if (argument.starts_with("--") && argument.find('=') == argument.size() - 1) {
      argument.pop_back();
      arguments.insert(arguments.begin() + static_cast<ptrdiff_t>(i) + 1, "");
      ++i;
    }
  }
  return behind;
}

static std::string option_text(const FieldInfo& field, const CLI::Option& option) {
  if (field.kind == FieldKind::list) return list_text(option.results());
  if (field.kind != FieldKind::count) return option.results().back();
  long long count = 0;
  for (const std::string& result : option.results()) {
    long long value = 1;
    if (result != "true" && !parse_number(result, value)) return result;
    count += value;
  }
  return std::to_string(count);
}

// The elements of lists with parts, as their flags followed one another: the first part's flag begins the next element.
static void gather_elements(const Parser& parser, GivenValues& given) {
  std::map<const CLI::Option*, size_t> seen;
  std::map<const FieldInfo*, std::vector<std::map<std::string, std::string>>> lists;
  for (const CLI::Option* option : parser.app.parse_order()) {
    const auto bound = std::find_if(parser.options.begin(), parser.options.end(), [&](const Bound& b) { return b.option == option; });
    if (bound == parser.options.end() || !bound->list) continue;
    auto& elements = lists[bound->list];
    if (bound->field == &bound->list->parts.front()) elements.emplace_back();
    check(!elements.empty(), ErrorKind::usage, bound->field->flag(), ": belongs behind a ", bound->list->flag());
    elements.back()[bound->field->name] = option->results()[seen[option]++];
  }
  for (const auto& [list, elements] : lists) given[list->name] = {list_text(elements), list->flag()};
}

Arguments parse_arguments(const CommandInfo& command, const std::vector<FieldInfo>& fields, std::vector<std::string> arguments) {
  Parser parser(command, fields);
  Arguments parsed;
  const std::vector<std::string> behind = prepare(arguments);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants a vector
  try {
    parser.app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    parsed.help = true;
    return parsed;
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what();
    fail(ErrorKind::usage, text.substr(0, text.find(':')), ": needs a value (imagent help ", command.name, " explains it)");
  } catch (const CLI::ParseError& error) {
    fail(ErrorKind::usage, error.what());
  }
  for (const std::string& extra : parser.app.remaining()) {
    if (extra.size() > 1 && extra.front() == '-') refuse_flag(command, fields, extra);
    parsed.positional.push_back(extra);
  }
  parsed.positional.insert(parsed.positional.end(), behind.begin(), behind.end());
  if (parsed.positional.size() > command.max_positional)
    fail(ErrorKind::usage, "unexpected argument ", quoted(parsed.positional[command.max_positional]), " of ", command.name,
         command.positional_hint.empty() ? "" : "; " + command.positional_hint);
  gather_elements(parser, parsed.given);
  for (const auto& [field, list, option] : parser.options)
    if (!list && option->count() > 0) parsed.given[field->name] = {option_text(*field, *option), field->flag()};
  return parsed;
}

std::string help_text(const CommandInfo& command, const std::vector<FieldInfo>& fields) {
  Parser parser(command, fields);
  std::string text = parser.app.help();
  if (!command.positional.empty()) {
    const size_t at = text.find("[OPTIONS]");
    if (at != std::string::npos) text.insert(at + 9, " " + command.positional);
  }
  if (!command.epilogue.empty()) text += "\n" + command.epilogue;
  return text;
}

}  // namespace imagent
