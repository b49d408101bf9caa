// Which files a folder has. diffusers pipelines/pipeline_utils.py: save_pretrained.
#include "pipeline/folder_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "pipeline/detect.h"
#include "pipeline/part_config.h"
#include "text/clip_table.h"
#include "text/tokenizer_files.h"

namespace imagent {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

constexpr const char* parts_with_files[] = {"unet", "vae", "text_encoder", "text_encoder_2", "scheduler", "tokenizer", "tokenizer_2"};
constexpr uintmax_t largest_configuration = uintmax_t{16} << 20;

std::string text_of(const fs::path& path) {
  const auto file = MappedFile::open(path, ErrorKind::model);
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

bool is_configuration(const fs::path& path) {
  const std::string name = path.filename().string(), extension = path.extension().string();
  std::error_code error;
  return (extension == ".json" || extension == ".txt") && name.find(".index.") == std::string::npos && fs::file_size(path, error) <= largest_configuration && !error;
}

// Models of one family differ in what their UNet is given.
std::string pipeline_class(const UNetFacts& unet, bool sdxl, bool refiner) {
  if (unet.guidance_width > 0) return "LatentConsistencyModelPipeline";
  if (refiner) return "StableDiffusionXLImg2ImgPipeline";
  const std::string family = sdxl ? "StableDiffusionXL" : "StableDiffusion";
  if (unet.in_channels == 9) return family + "InpaintPipeline";
  if (unet.in_channels == 8) return family + "InstructPix2PixPipeline";
  return family + "Pipeline";
}

ordered_json model_index(const ModelSource& model, const ModelConfig& config, const UNetFacts& unet) {
  const bool second = model.has("text_encoder_2"), first = model.has("text_encoder"), refiner = second && !first;
  const auto part = [](bool there, const char* library, const std::string& name) { return there ? ordered_json{library, name} : ordered_json{nullptr, nullptr}; };
  ordered_json index = {{"_class_name", pipeline_class(unet, second, refiner)}, {"_diffusers_version", diffusers_version}};
  if (second) index["force_zeros_for_empty_prompt"] = config.zeros_for_no_negative;
  if (refiner) index["requires_aesthetics_score"] = config.wants_aesthetic_score;
  if (!second) {
    index["feature_extractor"] = index["safety_checker"] = part(false, "", "");
    index["requires_safety_checker"] = false;
  }
  index["scheduler"] = part(true, "diffusers", std::get<std::string>(config.scheduler.at("_class_name")));
  index["text_encoder"] = part(first, "transformers", "CLIPTextModel");
  index["tokenizer"] = part(first, "transformers", "CLIPTokenizer");
  if (second) {
    index["text_encoder_2"] = part(true, "transformers", "CLIPTextModelWithProjection");
    index["tokenizer_2"] = part(true, "transformers", "CLIPTokenizer");
  }
  index["unet"] = part(true, "diffusers", "UNet2DConditionModel");
  index["vae"] = part(true, "diffusers", "AutoencoderKL");
  return index;
}

}  // namespace

FolderFiles files_of_folder(const fs::path& folder) {
  FolderFiles files;
  for (const char* name : {"model_index.json", "imagent.json"})
    if (fs::exists(folder / name)) files[name] = text_of(folder / name);
  for (const char* part : parts_with_files) {
    std::error_code error;
    for (fs::directory_iterator entry(folder / part, error), end; !error && entry != end; entry.increment(error))
      if (is_configuration(entry->path())) files[str(part, "/", entry->path().filename().string())] = text_of(entry->path());
  }
  return files;
}

FolderFiles files_of_model(const ModelSource& model, const ModelConfig& config) {
  FolderFiles files;
  const auto add = [&](const std::string& name, const ordered_json& object) { files[name] = object.dump(2) + "\n"; };
  const auto unet = model.weights("unet", false);
  add("model_index.json", model_index(model, config, unet_facts(*unet)));
  add("unet/config.json", unet_json(*unet, config));
  add("vae/config.json", vae_json(*model.weights("vae", false), config));
  add("scheduler/scheduler_config.json", scheduler_json(config.scheduler));
  for (const auto& [part, encoder] : config.text_encoders) {
    const auto weights = model.weights(part, false);
    add(part + "/config.json", clip_json(*weights, encoder));
    const std::string tokenizer = part == "text_encoder" ? "tokenizer/" : "tokenizer_2/";
    for (const auto& [name, text] : tokenizer_files(vocabulary_from_bpe_table(clip_bpe_table(), pad_token(*weights)))) files[tokenizer + name] = text;
  }
  return files;
}

std::string index_with_parts(const std::string& index, const std::vector<std::string>& parts) {
  ordered_json object = ordered_json::parse(index);
  const ordered_json before = object;
  for (auto& [key, value] : object.items()) {
    const bool names_part = value.is_array() && value.size() == 2;
    if (names_part && std::find(parts.begin(), parts.end(), key) == parts.end()) value = {nullptr, nullptr};
  }
  return object == before ? index : object.dump(2) + "\n";
}

}  // namespace imagent
