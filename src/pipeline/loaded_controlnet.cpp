// Opening and loading ControlNets.
#include "pipeline/loaded_controlnet.h"

#include <set>

#include "pipeline/detect.h"
#include "pipeline/json_fields.h"
#include "pipeline/model_config.h"
#include "pipeline/part_files.h"
#include "weights/names_ldm.h"
#include "weights/open.h"

namespace imagent {

namespace fs = std::filesystem;

static UNetConfig controlnet_config(const fs::path& file) {
  const nlohmann::json config = read_config(file);
  const JsonFields fields(config, file.string());
  const std::string kind = fields.get<std::string>("_class_name", "ControlNetModel");
  check(kind == "ControlNetModel", ErrorKind::model, file.string(), " describes a ", kind, ": a ControlNetModel is wanted");
  check(fields.get<std::string>("controlnet_conditioning_channel_order", "rgb") == "rgb", ErrorKind::unsupported, file.string(),
        ": the ControlNet wants its picture in another order of colours than red, green, blue");
  check(!fields.get("global_pool_conditions", false), ErrorKind::unsupported, file.string(),
        ": the ControlNet averages its answer over the picture (global_pool_conditions), which imagent does not know");
  return unet_config(config, file.string());
}

static ControlNetFiles controlnet_file(const fs::path& path) {
  std::shared_ptr<const Source> file = open_weights(path);
  std::error_code error;
  if (file->find("controlnet_cond_embedding.conv_in.weight")) {
    const fs::path config = path.parent_path() / "config.json";
    return {path.stem().string(), file, fs::exists(config, error) ? controlnet_config(config) : detect_controlnet(*file)};
  }
  const auto parts = ldm_parts(file->names());
  const auto table = parts.find("controlnet");
  const std::string kind = table == parts.end() ? sentence_for_kind(file->names(), parts) : "";
  check(table != parts.end(), ErrorKind::model, path.string(), " is ", kind.empty() ? "no ControlNet" : kind, ": a ControlNet is wanted");
  file = rearranged(file, table->second);
  return {path.stem().string(), file, detect_controlnet(*file)};
}

ControlNetFiles open_controlnet(const fs::path& path, bool prefer_half) {
  std::error_code error;
  check(fs::exists(path, error), ErrorKind::model, "there is no ControlNet ", path.string(), ": name a folder in diffusers' layout or a file");
  if (!fs::is_directory(path, error)) return controlnet_file(path);
  check(!fs::exists(path / "model_index.json", error), ErrorKind::model, path.string(), " is a whole model: a ControlNet is wanted");
  return {fs::weakly_canonical(path).filename().string(), open_part(path, "controlnet", prefer_half), controlnet_config(path / "config.json")};
}

const ControlNetModel& LoadedControlNet::model() {
  if (!model_) {
    const Weights weights(files_.weights, backend_, compute_);
    model_.emplace(weights, files_.config);
    weights.finish();
    packed_bytes_ = weights.packed_bytes();
  }
  return *model_;
}

size_t packed_bytes(const std::vector<LoadedControlNet*>& nets) {
  size_t bytes = 0;
  for (const LoadedControlNet* net : std::set<const LoadedControlNet*>(nets.begin(), nets.end())) bytes += net->packed_bytes();
  return bytes;
}

}  // namespace imagent
