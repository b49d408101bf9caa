// Looking at models without loading them.
#include "pipeline/model_summary.h"

#include <algorithm>

#include "base/error.h"
#include "hub/model_files.h"
#include "pipeline/detect.h"
#include "weights/names_ldm.h"
#include "weights/open.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;

std::string dtype_of(const Source& source) {
  std::map<std::string, int64_t> counts;
  for (const std::string& name : source.names())
    if (const auto info = source.info(name)) counts[info->type] += info->shape.numel();
  const auto most = std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() ? "" : most->first;
}

std::string prediction_of(const ModelSource& source) {
  const ModelConfig config = source.model_config("");
  const auto told = config.scheduler.find("prediction_type");
  if (told != config.scheduler.end() && std::holds_alternative<std::string>(told->second)) return std::get<std::string>(told->second);
  return config.prediction_known ? "epsilon" : "";
}

void summarise_pipeline(const fs::path& path, ModelSummary& summary) {
  const auto model = open_model_source(path);
  summary.dtype = dtype_of(*model->weights("unet", false));
  summary.prediction = prediction_of(*model);
}

void summarise_file(const fs::path& path, ModelSummary& summary) {
  const std::shared_ptr<const Source> file = open_weights(path);
  const LdmParts parts = ldm_parts(file->names());
  summary.dtype = dtype_of(*file);
  summary.kind = kind_of_weights(file->names(), parts);
  if (!summary.kind.empty()) return;
  summary.kind = kind_of_unet(*rearranged(file, parts.at("unet")));
  summary.prediction = prediction_of(*open_model_source(path));
}

std::optional<fs::path> weights_of_part(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (has_weight_extension(entry.path()) && fs::exists(entry.path(), error)) files.push_back(entry.path());
  return files.empty() ? std::nullopt : std::optional(*std::min_element(files.begin(), files.end()));
}

void summarise(const fs::path& path, ModelSummary& summary) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return summarise_file(path, summary);
  if (fs::exists(path / "model_index.json", error)) return summarise_pipeline(path, summary);
  if (const auto file = single_file_of(path)) return summarise_file(*file, summary);
  if (const auto file = weights_of_part(path)) summary.dtype = dtype_of(*open_weights(*file));
}

}  // namespace

ModelSummary summarise_model(const fs::path& path, const std::string& kind) {
  ModelSummary summary{.kind = kind};
  try {
    summarise(path, summary);
  } catch (const Error& error) {
    summary.fault = error.text;
  }
  return summary;
}

}  // namespace imagent
