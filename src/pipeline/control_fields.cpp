// The fields of a ControlUnit: one row each. Names as in docs/cli.md and in the ControlNet extension of A1111.
#include "pipeline/control_fields.h"

#include "base/error.h"
#include "image/codec.h"
#include "pipeline/field_rules.h"

namespace imagent {

static Rule<ControlUnit> hint_file() {
  const auto set = [](ControlUnit& unit, const std::string& text) {
    if (text.empty() || text.find('\0') != std::string::npos) return false;
    unit.image = std::make_shared<const Image>(read_image(text));
    return true;
  };
  Rule<ControlUnit> rule{"the path of a picture", set, [](const ControlUnit&) { return std::string(); }};
  rule.names_file = true;
  return rule;
}

const std::vector<Field<ControlUnit>>& control_fields() {
  static const std::string group = "ControlNet";
  static const std::vector<Field<ControlUnit>> fields = {
      {{.name = "model", .flags = {"--control-net"}, .json = {}, .group = group, .value = "PATH",
        .help = "A ControlNet, a folder or a file; again for another one. The flags behind it belong to it", .default_text = "none"},
       rule::path(&ControlUnit::model)},
      {{.name = "image", .flags = {"--control-image"}, .json = {"input_image"}, .group = group, .value = "FILE",
        .help = "The picture it looks at, resized to the drawn one's size", .default_text = ""},
       hint_file()},
      {{.name = "preprocess", .flags = {"--control-preprocess"}, .json = {"module"}, .group = group, .value = "NAME",
        .help = "What is made of that picture first: its edges, or nothing", .default_text = ""},
       rule::choice(&ControlUnit::preprocess, {{"none", Preprocessor::none}, {"canny", Preprocessor::canny}})},
      {{.name = "strength", .flags = {"--control-strength"}, .json = {"weight"}, .group = group, .value = "X",
        .help = "How strongly it counts", .default_text = ""},
       rule::real(&ControlUnit::strength, {0, 2})},
      {{.name = "start", .flags = {"--control-start"}, .json = {"guidance_start"}, .group = group, .value = "X",
        .help = "Part of the steps after which it counts", .default_text = ""},
       rule::real(&ControlUnit::start, {0, 1})},
      {{.name = "end", .flags = {"--control-end"}, .json = {"guidance_end"}, .group = group, .value = "X",
        .help = "Part of the steps until which it counts", .default_text = ""},
       rule::real(&ControlUnit::end, {0, 1})},
      {{.name = "guess", .flags = {"--control-guess"}, .json = {"guess_mode"}, .group = group, .value = "",
        .help = "It leads more than the prompt: the negative prompt does not see it", .default_text = "", .kind = FieldKind::toggle},
       rule::toggle(&ControlUnit::guess)},
  };
  return fields;
}

Field<Request> controls_field() {
  FieldInfo info = {.name = "controls", .flags = {}, .json = {}, .group = "ControlNet", .value = "", .help = "", .default_text = "", .kind = FieldKind::list, .recorded = false};
  info.parts = infos(control_fields());
  return {std::move(info), rule::list(&Request::controls, control_fields())};
}

void validate_controls(const Request& request) {
  for (const ControlUnit& unit : request.controls) {
    check(!unit.model.empty(), ErrorKind::usage, "a ControlNet's picture is given, but no model (--control-net)");
    check(unit.image != nullptr, ErrorKind::usage, "--control-net ", unit.model, ": the picture it looks at is missing (--control-image)");
    check(unit.start <= unit.end, ErrorKind::usage, "--control-start ", unit.start, ": lies behind --control-end ", unit.end);
  }
}

}  // namespace imagent
