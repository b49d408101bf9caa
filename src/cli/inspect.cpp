// The command `inspect`: parameters of a picture, tensors of a weight file, parts of a model folder.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/mapped_file.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "image/codec.h"
#include "image/infotext.h"
#include "pipeline/field_rules.h"
#include "pipeline/model_folder.h"
#include "weights/safetensors.h"

namespace imagent {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {
struct InspectOptions {
  bool json = false;
};
}  // namespace

static const std::vector<Field<InspectOptions>>& inspect_fields() {
  static const std::vector<Field<InspectOptions>> fields = {
      {{.name = "json", .flags = {"--json"}, .json = {}, .group = "Output", .value = "", .help = "One JSON object", .default_text = "", .kind = FieldKind::toggle},
       rule::toggle(&InspectOptions::json)}};
  return fields;
}

static std::string shape_text(const Shape& shape) {
  std::vector<std::string> sizes;
  for (int i = 0; i < shape.rank(); ++i) sizes.push_back(std::to_string(shape[i]));
  return str("[", join(sizes, ","), "]");
}

static Json picture_report(const fs::path& path, Bytes file) {
  const Image image = decode_image(file, {}, path.string());
  const std::string parameters = read_parameters(file);
  Json report = {{"path", path.string()}, {"kind", "picture"}, {"format", mime_type(format_of_content(file))}, {"width", image.width},
                 {"height", image.height}, {"channels", image.channels}};
  if (parameters.empty()) return report;
  const Infotext info = read_infotext(parameters);
  report["parameters"] = parameters;
  report["prompt"] = info.prompt;
  report["negative_prompt"] = info.negative_prompt;
  for (const auto& [key, value] : info.parameters) report["fields"][key] = value;
  return report;
}

static Json tensors_report(const Source& source) {
  Json report = {{"path", source.origin()}, {"kind", "weights"}};
  int64_t parameters = 0;
  size_t bytes = 0;
  Json tensors = Json::array();
  for (const std::string& name : source.names()) {
    const auto view = source.find(name);
    if (!view) continue;
    Json sizes = Json::array();
    for (int i = 0; i < view->shape.rank(); ++i) sizes.push_back(view->shape[i]);
    tensors.push_back({{"name", name}, {"dtype", name_of(view->dtype)}, {"shape", sizes}, {"text", shape_text(view->shape)}});
    parameters += view->shape.numel();
    bytes += view->bytes.size();
  }
  report["tensors"] = tensors;
  report["count"] = tensors.size();
  report["parameters"] = parameters;
  report["bytes"] = bytes;
  report["metadata"] = source.metadata();
  return report;
}

static Json model_report(const fs::path& path) {
  const ModelFolder folder(path);
  Json report = {{"path", path.string()}, {"kind", "model"}, {"name", folder.name()}};
  for (const auto& [part, description] : folder.index().items()) {
    if (part.starts_with("_") || !folder.has(part)) continue;
    Json entry = {{"class", description.is_array() && description.size() == 2 ? Json(description[1]) : Json(nullptr)}};
    const bool has_weights = part == "unet" || part == "vae" || part.starts_with("text_encoder");
    if (has_weights) {
      const Json tensors = tensors_report(*folder.weights(part, false));
      entry["file"] = folder.weights_file(part, false).filename().string();
      entry["parameters"] = tensors["parameters"];
      entry["bytes"] = tensors["bytes"];
    }
    report["parts"][part] = entry;
  }
  return report;
}

static std::string readable_weights(const Json& report) {
  std::string text = str(report["path"].get<std::string>(), ": ", report["count"].get<size_t>(), " tensors, ", report["parameters"].get<int64_t>(),
                         " parameters, ", report["bytes"].get<size_t>(), " bytes\n");
  for (const auto& [key, value] : report["metadata"].items()) text += str("  ", key, ": ", value.get<std::string>(), "\n");
  for (const Json& tensor : report["tensors"])
    text += str(tensor["name"].get<std::string>(), "  ", tensor["dtype"].get<std::string>(), " ", tensor["text"].get<std::string>(), "\n");
  return text;
}

static std::string readable(const Json& report) {
  const std::string kind = report["kind"];
  if (kind == "weights") return readable_weights(report);
  std::string text = report["path"].get<std::string>() + ": ";
  if (kind == "picture")
    return text + str(report["format"].get<std::string>(), ", ", report["width"].get<int>(), "x", report["height"].get<int>(), "\n",
                      report.value("parameters", std::string("no parameters are stored in it")), "\n");
  text += "model " + report["name"].get<std::string>() + "\n";
  for (const auto& [part, entry] : report["parts"].items()) {
    text += str("  ", part, ": ", entry["class"].is_string() ? entry["class"].get<std::string>() : "?");
    text += entry.contains("file") ? str(", ", entry["parameters"].get<int64_t>(), " parameters, ", entry["file"].get<std::string>(), "\n") : "\n";
  }
  return text;
}

static Json report_of(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return model_report(path);
  check(fs::exists(path, error), ErrorKind::usage, "there is no file ", quoted(path.string()));
  const auto file = MappedFile::open(path, ErrorKind::usage);
  const Bytes bytes = {reinterpret_cast<const uint8_t*>(file->bytes().data()), file->bytes().size()};
  try {
    format_of_content(bytes);
  } catch (const Error&) {
    return tensors_report(*open_safetensors(path));  // no picture
  }
  return picture_report(path, bytes);
}

static int run_inspect(const Arguments& arguments) {
  InspectOptions options;
  apply(options, inspect_fields(), arguments.given);
  check(arguments.positional.size() == 1, ErrorKind::usage, "inspect needs one picture, safetensors file or model folder");
  Json report = report_of(arguments.positional[0]);
  if (options.json && report["kind"] == "weights")
    for (Json& tensor : report["tensors"]) tensor.erase("text");
  write_result(options.json ? json_text(report) : without_controls(readable(report)));
  return 0;
}

Command inspect_command() {
  return {{.name = "inspect", .summary = "Parameters of a picture, tensors of a weight file, parts of a model folder", .positional = "FILE", .positional_hint = "one file at a time",
           .max_positional = 1, .epilogue = "Examples:\n  imagent inspect out.png\n  imagent inspect --json model.safetensors\n"},
          "", infos(inspect_fields()), run_inspect};
}

}  // namespace imagent
