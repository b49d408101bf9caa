// Opening and loading ControlNets and T2I-Adapters.
#include "pipeline/loaded_control.h"

#include <set>

#include "base/printable.h"
#include "pipeline/detect.h"
#include "pipeline/file_kind.h"
#include "pipeline/json_fields.h"
#include "pipeline/model_config.h"
#include "pipeline/part_files.h"
#include "weights/names_adapters.h"
#include "weights/names_ldm.h"
#include "weights/open.h"

namespace imagent {

namespace fs = std::filesystem;

static UNetConfig controlnet_config(const JsonFields& fields, const nlohmann::json& config, const fs::path& file) {
  check(fields.get<std::string>("controlnet_conditioning_channel_order", "rgb") == "rgb", ErrorKind::unsupported, file.string(),
        ": the ControlNet wants its picture in another order of colours than red, green, blue");
  check(!fields.get("global_pool_conditions", false), ErrorKind::unsupported, file.string(),
        ": the ControlNet averages its answer over the picture (global_pool_conditions), which imagent does not know");
  return unet_config(config, file.string());
}

static T2IAdapterConfig t2i_adapter_config(const JsonFields& fields, const fs::path& file) {
  const std::string type = fields.get<std::string>("adapter_type", "full_adapter");
  check(type == "full_adapter" || type == "full_adapter_xl" || type == "light_adapter", ErrorKind::unsupported, file.string(), ": \"adapter_type\" is ", printable(type),
        ", imagent knows full_adapter, full_adapter_xl and light_adapter");
  const int downscale = fields.get("downscale_factor", 8);
  fields.require(downscale >= 1 && downscale <= 64, "downscale_factor", "a number from 1 to 64");
  return {.downscale = downscale, .xl = type == "full_adapter_xl"};
}

static std::variant<UNetConfig, T2IAdapterConfig> control_config(const fs::path& file) {
  const nlohmann::json config = read_config(file);
  const JsonFields fields(config, file.string());
  const std::string kind = fields.get<std::string>("_class_name", "ControlNetModel");
  if (kind == "T2IAdapter") return t2i_adapter_config(fields, file);
  check(kind == "ControlNetModel", ErrorKind::model, file.string(), " describes a ", printable(kind), ": a ControlNetModel or T2IAdapter is wanted");
  return controlnet_config(fields, config, file);
}

static ControlFiles control_file(const fs::path& path) {
  std::shared_ptr<const Source> file = open_weights(path);
  const std::vector<std::string> names = file->names();
  const std::string name = path.stem().string();
  const fs::path config = path.parent_path() / "config.json";  // of the folder that the file may lie in
  std::error_code error;
  const bool described = fs::exists(config, error);
  if (is_t2i_adapter(names)) {
    file = rearranged(file, t2i_adapter_names(names));
    const bool diffusers = names.front().starts_with("adapter.");
    return {name, file, diffusers && described ? control_config(config) : detect_t2i_adapter(*file)};
  }
  if (file->find("controlnet_cond_embedding.conv_in.weight")) return {name, file, described ? control_config(config) : detect_controlnet(*file)};
  const auto parts = ldm_parts(names);
  const auto table = parts.find("controlnet");
  const std::string kind = table == parts.end() ? kind_of(*file) : "";
  check(table != parts.end(), ErrorKind::model, path.string(), " is ", kind.empty() ? "no ControlNet or T2I-Adapter" : kind, ": a ControlNet is wanted, or a T2I-Adapter");
  file = rearranged(file, table->second);
  return {name, file, detect_controlnet(*file)};
}

static ControlFiles control_folder(const fs::path& path, bool prefer_half) {
  std::error_code error;
  check(!fs::exists(path / "model_index.json", error), ErrorKind::model, path.string(), " is a whole model: a ControlNet is wanted, or a T2I-Adapter");
  ControlFiles files{fs::weakly_canonical(path).filename().string(), nullptr, control_config(path / "config.json")};
  files.weights = open_part(path, "controlnet", prefer_half);
  if (std::holds_alternative<T2IAdapterConfig>(files.config)) files.weights = rearranged(files.weights, t2i_adapter_names(files.weights->names()));
  return files;
}

ControlFiles open_control(const fs::path& path, bool prefer_half) {
  std::error_code error;
  check(fs::exists(path, error), ErrorKind::model, "there is no ControlNet or T2I-Adapter ", path.string(), ": name a folder in diffusers' layout or a file");
  ControlFiles files = fs::is_directory(path, error) ? control_folder(path, prefer_half) : control_file(path);
  check(std::holds_alternative<T2IAdapterConfig>(files.config) == is_t2i_adapter(files.weights->names()), ErrorKind::model, path.string(),
        ": its config.json describes another kind of network than its weights are");
  return files;
}

const ControlNetwork& LoadedControl::network() {
  if (!network_) {
    const Weights weights(files_.weights, backend_, compute_);
    std::optional<ControlNetwork> network;
    if (const auto* adapter = std::get_if<T2IAdapterConfig>(&files_.config))
      network.emplace(std::in_place_type<T2IAdapter>, weights, *adapter);
    else
      network.emplace(std::in_place_type<ControlNetModel>, weights, std::get<UNetConfig>(files_.config));
    weights.finish();
    network_ = std::move(network);
    packed_bytes_ = weights.packed_bytes();
  }
  return *network_;
}

size_t packed_bytes(const std::vector<LoadedControl*>& controls) {
  size_t bytes = 0;
  for (const LoadedControl* control : std::set<const LoadedControl*>(controls.begin(), controls.end())) bytes += control->packed_bytes();
  return bytes;
}

}  // namespace imagent
