// The command `doctor`: what this build and this machine can do.
#include <nlohmann/json.hpp>
#include <thread>

#include "backends.h"
#include "base/cores.h"
#include "base/error.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/version.h"
#include "pipeline/engine.h"
#include "pipeline/field_rules.h"

namespace imagent {

namespace {
struct DoctorOptions {
  bool json = false;
};
}  // namespace

static const std::vector<Field<DoctorOptions>>& doctor_fields() {
  static const std::vector<Field<DoctorOptions>> fields = {
      {{.name = "json", .flags = {"--json"}, .json = {}, .group = "Output", .value = "", .help = "One JSON object", .default_text = "", .kind = FieldKind::toggle},
       rule::toggle(&DoctorOptions::json)}};
  return fields;
}

static nlohmann::ordered_json device_report(const BackendEntry& entry) {
  nlohmann::ordered_json report = {{"name", entry.name}, {"help", entry.help}};
  try {
    const auto backend = entry.make({});
    nlohmann::ordered_json dtypes = nlohmann::ordered_json::array();
    for (const DType type : {DType::f32, DType::bf16, DType::f16})
      if (backend->supports(type)) dtypes.push_back(name_of(type));
    report["dtypes"] = dtypes;
    report["threads"] = backend->info().threads;
    report["instructions"] = backend->info().instructions;
  } catch (const Error& error) {
    report["error"] = error.text;
  }
  return report;
}

static nlohmann::ordered_json doctor_report() {
  nlohmann::ordered_json report = {{"version", version_number()}, {"compiler", compiler_text()}, {"processor", processor_name()},
                                   {"cores", usable_cores()}, {"cores_of_machine", std::thread::hardware_concurrency()},
                                   {"available_memory_mb", available_memory() >> 20}};
  report["devices"] = nlohmann::ordered_json::array();
  for (const BackendEntry& entry : backend_list()) report["devices"].push_back(device_report(entry));
  try {
    report["builtin_model"] = Engine().find_model("").string();
  } catch (const Error& error) {
    report["builtin_model"] = nullptr;
    report["builtin_model_error"] = error.text;
  }
  return report;
}

static std::string readable(const nlohmann::ordered_json& report) {
  std::string text = str("imagent ", report["version"].get<std::string>(), ", built with ", report["compiler"].get<std::string>(), "\n",
                         "processor  ", report["processor"].get<std::string>(), ", ", report["cores"].get<int>(), " of ",
                         report["cores_of_machine"].get<int>(), " cores usable\n", "memory     ",
                         report["available_memory_mb"].get<long long>(), " MB available\n");
  for (const auto& device : report["devices"]) {
    std::vector<std::string> dtypes;
    if (device.contains("dtypes")) dtypes = device["dtypes"].get<std::vector<std::string>>();
    const std::string isa = device.value("instructions", ""), instructions = isa.empty() ? "" : "; " + isa;
    text += str("device     ", device["name"].get<std::string>(), ": ", device["help"].get<std::string>(), " (",
                device.contains("error") ? device["error"].get<std::string>() : join(dtypes, ", ") + instructions, ")\n");
  }
  const bool has_model = report["builtin_model"].is_string();
  return text + str("model      ", report[has_model ? "builtin_model" : "builtin_model_error"].get<std::string>(), has_model ? " (built in)" : "", "\n");
}

static int run_doctor(const Arguments& arguments) {
  DoctorOptions options;
  apply(options, doctor_fields(), arguments.given);
  const auto report = doctor_report();
  write_result(options.json ? json_text(report) : readable(report));
  return 0;
}

Command doctor_command() {
  return {{.name = "doctor", .summary = "What this build and this machine can do", .positional = "", .positional_hint = "", .max_positional = 0, .epilogue = ""},
          "", infos(doctor_fields()), run_doctor};
}

}  // namespace imagent
