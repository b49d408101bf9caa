// The fields of a ControlUnit: one row each. Names as in docs/cli.md and in the ControlNet extension of A1111.
#include "pipeline/control_fields.h"

#include "base/error.h"
#include "pipeline/picture_rule.h"

namespace imagent {

// An older word for one of the modes.
static Rule<ControlUnit> guess_rule() {
  struct Switch {
    bool on = false;
  };
  const Rule<Switch> toggle = rule::toggle(&Switch::on);
  const auto set = [=](ControlUnit& unit, const std::string& text) {
    Switch given;
    if (!toggle.set(given, text)) return false;
    if (given.on) unit.mode = ControlMode::control;
    return true;
  };
  return {toggle.allowed, set, [](const ControlUnit&) { return std::string(); }};
}

const std::vector<Field<ControlUnit>>& control_fields() {
  static const std::string group = "ControlNet";
  static const std::vector<Field<ControlUnit>> fields = {
      {{.name = "model", .flags = {"--control-net"}, .json = {}, .group = group, .value = "PATH",
        .help = "A ControlNet or T2I-Adapter, a folder or a file; again for another one. The flags behind it belong to it", .default_text = "none"},
       rule::path(&ControlUnit::model)},
      {{.name = "image", .flags = {"--control-image"}, .json = {"input_image"}, .group = group, .value = "FILE",
        .help = "The picture it looks at, resized to the drawn one's size", .default_text = ""},
       rule::picture(&ControlUnit::image)},
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
      {{.name = "mode", .flags = {"--control-mode"}, .json = {"control_mode"}, .group = group, .value = "NAME",
        .help = "What leads where it and the prompt differ", .default_text = ""},
       rule::choice(&ControlUnit::mode, {{"balanced", ControlMode::balanced}, {"prompt", ControlMode::prompt}, {"control", ControlMode::control}})},
      {{.name = "guess", .flags = {"--control-guess"}, .json = {"guess_mode"}, .group = group, .value = "",
        .help = "The same as --control-mode control: the negative prompt does not see it", .default_text = "", .kind = FieldKind::toggle},
       guess_rule()},
      {{.name = "region", .flags = {"--control-region"}, .json = {"mask", "effective_region_mask"}, .group = group, .value = "FILE",
        .help = "A picture, stretched over the drawn one: it counts where this is white", .default_text = "everywhere"},
       rule::picture(&ControlUnit::region)},
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
