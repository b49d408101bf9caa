// diffusers' layout: model_index.json names the parts; each has a configuration and weights.
#include "hub/model_files.h"

#include <set>

#include "hub/json_text.h"
#include "hub/repository.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

long long integer_at(const std::optional<json>& object, const char* key) {
  if (!object) return 0;
  const auto entry = object->find(key);
  return entry != object->end() && entry->is_number_integer() ? entry->get<long long>() : 0;
}

// A part is used when the index names a class for it; without one its folder says so.
bool uses(const fs::path& folder, const json& index, const std::string& part) {
  const auto entry = index.find(part);
  if (entry == index.end()) return is_there(folder / part);
  return entry->is_array() && entry->size() == 2 && (*entry)[1].is_string();
}

std::string kind_of_module(const json& config) {
  const std::string name = text_at(config, "_class_name");
  if (name == "AutoencoderKL") return "vae";
  if (name == "AutoencoderTiny") return "taesd";
  if (name == "ControlNetModel") return "controlnet";
  if (name == "T2IAdapter") return "t2i-adapter";
  if (const auto classes = config.find("architectures"); classes != config.end() && classes->dump().find("CLIPVision") != std::string::npos) return "image encoder";
  return name == "UNet2DConditionModel" ? "unet" : "unknown";
}

std::string kind_of_pipeline(const fs::path& folder, const json& index) {
  const std::optional<json> unet = read_json_file(folder / "unet" / "config.json");
  const long long channels = integer_at(unet, "in_channels"), width = integer_at(unet, "cross_attention_dim");
  std::string kind = width == 768 ? "sd1" : width == 1024 ? "sd2" : "sd";   // sd: of a width that nobody has published
  if (uses(folder, index, "text_encoder_2")) kind = uses(folder, index, "text_encoder") ? "sdxl" : "sdxl-refiner";
  return kind + (channels == 9 ? "-inpaint" : channels == 8 ? "-pix2pix" : "");
}

void add_missing(const fs::path& folder, const std::string& name, std::vector<std::string>& missing) {
  if (!is_there(folder / name)) missing.push_back(name);
}

void add_missing_shards(const fs::path& folder, const std::string& part, const fs::path& index_file, std::vector<std::string>& missing) {
  const std::optional<json> index = read_json_file(index_file);
  const auto map = index ? index->find("weight_map") : json::const_iterator();
  if (!index || map == index->end() || !map->is_object()) return missing.push_back(part + index_file.filename().string());
  std::set<std::string> names;
  for (const auto& [tensor, file] : map->items())
    if (file.is_string() && is_safe_path(file.get_ref<const std::string&>())) names.insert(file.get<std::string>());
  for (const std::string& name : names) add_missing(folder, part + name, missing);
}

// `part`: "" or "unet/".
void add_missing_weights(const fs::path& folder, const std::string& part, const std::string& stem, std::vector<std::string>& missing) {
  const std::string pickle = stem == "model" ? "pytorch_model" : stem;
  for (const char* variant : {"", ".fp16"}) {
    if (is_there(folder / (part + stem + variant + ".safetensors")) || is_there(folder / (part + pickle + variant + ".bin"))) return;
    const fs::path index = folder / (part + stem + ".safetensors.index" + variant + ".json");
    if (is_there(index)) return add_missing_shards(folder, part, index, missing);
  }
  missing.push_back(part + stem + ".safetensors");
}

void add_missing_parts(const fs::path& folder, const json& index, std::vector<std::string>& missing) {
  for (const std::string part : {"unet", "vae", "text_encoder", "text_encoder_2"}) {
    const bool needed = part == "unet" || part == "vae" || uses(folder, index, part);
    if (!needed) continue;
    add_missing(folder, part + "/config.json", missing);
    add_missing_weights(folder, part + "/", part.starts_with("text_encoder") ? "model" : "diffusion_pytorch_model", missing);
  }
  for (const std::string part : {"tokenizer", "tokenizer_2"}) {
    if (!uses(folder, index, part)) continue;
    add_missing(folder, part + "/vocab.json", missing);
    add_missing(folder, part + "/merges.txt", missing);
  }
  add_missing(folder, "scheduler/scheduler_config.json", missing);
}

bool has_weight_file(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string extension = entry.path().extension();
    if ((extension == ".safetensors" || extension == ".gguf" || extension == ".ckpt") && is_there(entry.path())) return true;
  }
  return false;
}

}  // namespace

std::string kind_of_model(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return is_there(path) ? "single file" : "unknown";
  if (const auto index = read_json_file(path / "model_index.json")) return kind_of_pipeline(path, *index);
  if (const auto config = read_json_file(path / "config.json")) return kind_of_module(*config);
  if (is_there(path / "pytorch_lora_weights.safetensors")) return "lora";
  return has_weight_file(path) ? "single file" : "unknown";
}

std::vector<std::string> missing_files(const fs::path& folder) {
  std::vector<std::string> missing;
  if (const auto index = read_json_file(folder / "model_index.json"))
    add_missing_parts(folder, *index, missing);
  else if (is_there(folder / "config.json"))
    add_missing_weights(folder, "", "diffusion_pytorch_model", missing);
  else if (!has_weight_file(folder))
    missing.push_back("model_index.json");
  return missing;
}

std::optional<fs::path> single_file_of(const fs::path& folder) {
  if (is_there(folder / "model_index.json") || is_there(folder / "config.json")) return std::nullopt;
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (has_weight_extension(entry.path()) && is_there(entry.path())) files.push_back(entry.path());
  return files.size() == 1 ? std::optional(files.front()) : std::nullopt;
}

bool has_weight_extension(const fs::path& path) {
  const std::string extension = lower_ascii(path.extension().string());
  for (const char* known : {".safetensors", ".gguf", ".ckpt", ".pt", ".pth", ".bin"})
    if (extension == known) return true;
  return false;
}

}  // namespace imagent
