// The command `models verify`: every file against the hash that its blob is named by, every safetensors header.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/models.h"
#include "weights/safetensors.h"

namespace imagent {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {
struct Verdict {
  std::string file, state, sha256, fault;
  bool good() const { return state == "good" || state == "readable"; }
};
}  // namespace

static std::string header_fault(const fs::path& file) {
  if (file.extension() != ".safetensors") return "";
  try {
    open_safetensors(file);
    return "";
  } catch (const Error& error) {
    return error.text;
  }
}

static Verdict verdict_of(const LocalModel& model, const FileCheck& done) {
  Verdict verdict{.file = done.file, .state = {}, .sha256 = done.sha256, .fault = {}};
  switch (done.state) {
    case FileCheck::State::good: verdict.state = "good"; break;
    case FileCheck::State::unknown: verdict.state = "readable"; break;
    case FileCheck::State::corrupt:
      verdict.state = "corrupt";
      verdict.fault = "its content is not what its name in the cache says";
      return verdict;
    case FileCheck::State::missing:
      verdict.state = "missing";
      verdict.fault = "missing";
      return verdict;
  }
  std::error_code error;
  verdict.fault = header_fault(fs::is_directory(model.path, error) ? model.path / done.file : model.path);
  if (!verdict.fault.empty()) verdict.state = "corrupt";
  return verdict;
}

static Json as_json(const Verdict& v) {
  return {{"file", v.file}, {"state", v.state}, {"sha256", v.sha256.empty() ? Json(nullptr) : Json(v.sha256)}, {"fault", v.fault.empty() ? Json(nullptr) : Json(v.fault)}};
}

static std::string advice(const ModelsCall& call, const LocalModel& model) {
  return model.place == ModelPlace::hub_cache ? str(": imagent models rm ", call.name, " and imagent models pull ", call.name, " load it anew") : "";
}

static int run_verify(const Arguments& arguments) {
  const ModelsCall call = read_models_call_with_name(arguments, "models verify");
  const LocalModel model = named_model(call);
  size_t bad = 0, all = 0;
  Json files = Json::array();
  const auto tell = [&](const FileCheck& done) {
    const Verdict verdict = verdict_of(model, done);
    ++all;
    bad += !verdict.good();
    files.push_back(as_json(verdict));
    if (!call.options.json) write_result(without_controls(str(verdict.state, std::string(10 - verdict.state.size(), ' '), verdict.file, verdict.fault.empty() || verdict.fault == verdict.state ? "" : ": " + verdict.fault, "\n")));
  };
  const auto checks = verify_model(model, tell, [] { return interrupted().load(); });
  for (size_t i = all; i < checks.size(); ++i) tell(checks[i]);   // what should be there and is not
  if (call.options.json) write_result(json_text(Json{{"name", model.name}, {"path", model.path.string()}, {"good", bad == 0}, {"files", files}}));
  check(bad == 0, ErrorKind::model, bad, " of ", all, " files of ", model.name, " are damaged or missing", advice(call, model));
  return 0;
}

Command models_verify_command() {
  CommandInfo info = {.name = "models verify",
                      .summary = "Read every file of a model and compare it with its hash",
                      .positional = "NAME",
                      .positional_hint = "one model at a time",
                      .max_positional = 1,
                      .epilogue = "Files of the hub's cache are called good when their hash is the one that the hub announced; files of one's own are called\n"
                                  "readable when their header is whole. Exit code 3 when something is damaged or missing.\n"};
  return {std::move(info), "", models_fields({"models_dir", "json"}), run_verify};
}

}  // namespace imagent
