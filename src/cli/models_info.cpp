// The command `models info`: everything that is known of one model without loading it.
#include "backends.h"
#include "base/error.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/models_report.h"
#include "hub/hash_cache.h"
#include "hub/model_files.h"
#include "pipeline/memory.h"

namespace imagent {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// The file whose hash stands for the model: A1111 knows models of one file only.
static std::optional<fs::path> hashed_file(const LocalModel& model) {
  std::error_code error;
  if (fs::is_directory(model.path, error)) return single_file_of(model.path);
  return model.path;
}

// Blobs of the hub's cache are named by it.
static std::string hash_of(const fs::path& file) {
  std::error_code error;
  const std::string blob = fs::canonical(file, error).filename();
  return is_sha256(blob) ? blob : HashCache(own_cache_folder() / "hashes.json").sha256(file, [] { return interrupted().load(); });
}

static DType dtype_of_run(const ModelsOptions& options) {
  return options.dtype.value_or(make_backend("auto", {})->supports(DType::bf16) ? DType::bf16 : DType::f32);
}

// Of a run with default settings: one picture, guided if the model is.
static Json predicted_memory(const ModelReport& report, const ModelsCall& call) {
  const bool whole = report.summary.fault.empty() && report.model.missing.empty() && (report.summary.kind.starts_with("sd"));
  if (!whole) return nullptr;
  const auto file = hashed_file(report.model);
  const auto source = open_model_source(file.value_or(report.model.path));
  ModelDefaults defaults = source->model_config("").defaults;
  if (const auto known = Registry::for_user().resolve(report.model.name); known && known->known)
    defaults = with_recommended(defaults, recommended_by(*known->known));
  const int width = call.options.width ? call.options.width : defaults.width, height = call.options.height ? call.options.height : defaults.height;
  const DType dtype = dtype_of_run(call.options);
  const MemoryNeed need = predict_memory(source, {.latent_height = height / 8, .latent_width = width / 8, .rows = defaults.guidance_scale > 1 ? 2 : 1, .compute = dtype});
  return {{"width", width}, {"height", height}, {"dtype", name_of(dtype)}, {"weights_bytes", need.weights}, {"activations_bytes", need.activations}, {"total_bytes", need.total()}};
}

static std::string line(const char* label, const std::string& text) {
  const std::string name = label;
  return text.empty() ? "" : name + std::string(name.size() < 12 ? 12 - name.size() : 0, ' ') + text + "\n";
}

static std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : ""; }

static std::string readable(const Json& info) {
  std::string text = line("name", text_of(info["name"])) + line("kind", text_of(info["kind"])) + line("where", text_of(info["where"])) + line("path", text_of(info["path"])) +
                     line("size", bytes_text(info["bytes"].get<uint64_t>())) + line("dtype", text_of(info["dtype"])) + line("prediction", text_of(info["prediction"])) +
                     line("sha256", text_of(info["sha256"])) + line("hash", text_of(info["hash"]));
  for (const Json& revision : info["revisions"])
    text += line("revision", str(revision["commit"].get<std::string>(), revision["refs"].empty() ? "" : " (" + join(revision["refs"].get<std::vector<std::string>>(), ", ") + ")", ", ",
                                 bytes_text(revision["bytes"].get<uint64_t>())));
  for (const Json& file : info["missing"]) text += line("missing", text_of(file));
  if (info["unfinished_download"].get<bool>()) text += line("download", "unfinished: imagent models pull goes on with it");
  if (const Json& memory = info["memory"]; memory.is_object())
    text += line("memory", str(bytes_text(memory["total_bytes"].get<uint64_t>()), " at ", memory["width"].get<int>(), "x", memory["height"].get<int>(), " in ", text_of(memory["dtype"]), " (",
                               bytes_text(memory["weights_bytes"].get<uint64_t>()), " of weights, ", bytes_text(memory["activations_bytes"].get<uint64_t>()), " to compute)"));
  return text + line("fault", text_of(info["fault"]));
}

static int run_info(const Arguments& arguments) {
  const ModelsCall call = read_models_call_with_name(arguments, "models info");
  const ModelReport report = report_of(call, named_model(call));
  Json info = as_json(report);
  const auto file = hashed_file(report.model);
  const std::string sha256 = file ? hash_of(*file) : "";
  info["sha256"] = file ? Json(sha256) : Json(nullptr);
  info["hash"] = file ? Json(short_hash(sha256)) : Json(nullptr);
  info["memory"] = predicted_memory(report, call);
  write_result(call.options.json ? json_text(info) : without_controls(readable(info)));
  return 0;
}

Command models_info_command() {
  CommandInfo info = {.name = "models info",
                      .summary = "Kind, hash, revisions, missing files and memory of a model",
                      .positional = "NAME",
                      .positional_hint = "one model at a time",
                      .max_positional = 1,
                      .epilogue = "Examples:\n  imagent models info sd15 -W 768 -H 512 --dtype bf16\n  imagent models info model.safetensors --json\n"};
  return {std::move(info), "", models_fields({"models_dir", "width", "height", "dtype", "json"}), run_info};
}

}  // namespace imagent
