// Opening a model for conversion. Metadata: github.com/Stability-AI/ModelSpec.
#include "pipeline/convert_input.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "backends.h"
#include "base/error.h"
#include "base/str.h"
#include "pipeline/loaded_model.h"
#include "pipeline/model_config.h"
#include "pipeline/part_files.h"
#include "weights/names_ldm.h"
#include "weights/open.h"
#include "weights/renamed.h"
#include "weights/with_lora.h"

namespace imagent {

namespace fs = std::filesystem;

namespace {

constexpr const char* all_parts[] = {"unet", "vae", "text_encoder", "text_encoder_2"};

std::string text_of(const SchedulerFile& scheduler, const char* key) {
  const auto found = scheduler.find(key);
  const auto* text = found == scheduler.end() ? nullptr : std::get_if<std::string>(&found->second);
  return text ? *text : "";
}

// What a single file cannot say by its tensors.
std::map<std::string, std::string> model_spec(const ModelSource& model, const ModelConfig& config) {
  const bool second = model.has("text_encoder_2"), refiner = second && !model.has("text_encoder"), v = text_of(config.scheduler, "prediction_type") == "v_prediction";
  const bool sd2 = !second && config.text_encoders.contains("text_encoder") && config.text_encoders.at("text_encoder").act == Act::gelu;
  const char* architecture = refiner ? "stable-diffusion-xl-v1-refiner" : second ? "stable-diffusion-xl-v1-base" : "stable-diffusion-v1";
  if (sd2) architecture = v ? "stable-diffusion-v2-768-v" : "stable-diffusion-v2-512";
  const int side = 8 * config.unet.sample_size;
  return {{"modelspec.sai_model_spec", "1.0.0"}, {"modelspec.architecture", architecture}, {"modelspec.title", model.name()},
          {"modelspec.implementation", second ? "https://github.com/Stability-AI/generative-models" : "https://github.com/CompVis/stable-diffusion"},
          {"modelspec.resolution", str(side, "x", side)}, {"modelspec.prediction_type", v ? "v" : "epsilon"}};
}

// Hashes are of the old bytes; what GGUF and safetensors say of their own form is written anew.
std::map<std::string, std::string> lasting(std::map<std::string, std::string> metadata) {
  std::erase_if(metadata, [](const auto& entry) {
    const std::string& key = entry.first;
    return key.starts_with("general.") || key.find("hash") != std::string::npos || key == "format" || entry.second == "[...]";
  });
  return metadata;
}

// Tensors of a single file whose names alone mean something, as trainers of SDXL leave them: "ztsnr".
class Marker : public Source {
 public:
  explicit Marker(std::vector<std::string> names) : names_(std::move(names)) {}
  std::optional<TensorView> find(const std::string& name) const override {
    static constexpr std::byte zero[4] = {};
    if (!std::binary_search(names_.begin(), names_.end(), name)) return std::nullopt;
    return TensorView{DType::f32, Shape{1}, zero, nullptr};
  }
  std::vector<std::string> names() const override { return names_; }
  std::string origin() const override { return "markers"; }

 private:
  std::vector<std::string> names_;
};

std::shared_ptr<const Source> markers_of(const SchedulerFile& scheduler) {
  const auto zero_snr = scheduler.find("rescale_betas_zero_snr");
  if (zero_snr == scheduler.end() || zero_snr->second != SchedulerValue(true)) return nullptr;
  if (text_of(scheduler, "prediction_type") == "v_prediction") return std::make_shared<Marker>(std::vector<std::string>{"v_pred", "ztsnr"});
  return std::make_shared<Marker>(std::vector<std::string>{"ztsnr"});
}

void open_folder(ConvertInput& in, const ConvertOptions& options) {
  in.model = open_model_source(options.input, options.config);
  const ModelConfig config = in.model->model_config(options.prediction);
  std::map<std::string, PartNames> names;
  for (const std::string part : all_parts) {
    if (!in.model->has(part)) continue;
    in.parts[part] = in.model->weights(part, false);
    const auto encoder = config.text_encoders.find(part);
    names[part] = {in.parts[part]->names(), encoder != config.text_encoders.end() && encoder->second.act == Act::gelu};
  }
  in.tables = ldm_places(names);
  in.metadata = model_spec(*in.model, config);
  for (const auto& [key, value] : in.parts.at("unet")->metadata()) in.metadata[key] = value;
  in.others = markers_of(config.scheduler);
}

void open_file(ConvertInput& in, const ConvertOptions& options, bool whole_model) {
  const auto file = open_weights(options.input);
  in.tables = ldm_parts(file->names());
  if (whole_model) in.model = open_model_source(options.input, options.config);
  TensorTable others;
  for (const std::string& name : file->names()) others[name] = {name};
  for (const auto& [part, table] : in.tables) {
    in.parts[part] = rearranged(file, table);
    for (const auto& [name, stored] : table) others.erase(stored.name);
  }
  constexpr const char* markers[] = {"v_pred", "ztsnr"};  // which say what the model is
  if (options.prune) std::erase_if(others, [&](const auto& entry) { return std::find(std::begin(markers), std::end(markers), entry.first) == std::end(markers); });
  check(!in.parts.empty() || !others.empty(), ErrorKind::model, options.input.string(), " holds nothing that a Stable Diffusion model needs: without --prune all of it is kept");
  in.others = rearranged(file, std::move(others));
  in.metadata = file->metadata();
}

void put_vae(ConvertInput& in, const ConvertOptions& options) {
  check(in.parts.contains("vae"), ErrorKind::usage, "--vae: ", options.input.string(), " has no VAE that it could replace");
  const auto vae = open_vae(options.vae, false);
  const char* first_layer = "decoder.conv_in.weight";
  const auto own = in.parts.at("vae")->find(first_layer), other = vae->find(first_layer);
  check(own && other && own->shape.rank() == 4 && other->shape.rank() == 4 && own->shape[1] == other->shape[1], ErrorKind::model, options.vae.string(),
        " is no VAE for ", options.input.string(), ": its latents have other channels");
  in.parts["vae"] = vae;
  in.tables["vae"] = ldm_places({{"vae", {vae->names()}}}).at("vae");
  for (const fs::path& folder : {options.vae / "vae", options.vae})
    if (fs::exists(folder / "config.json") && in.vae_config.empty()) in.vae_config = read_config(folder / "config.json").dump(2) + "\n";
}

void put_loras(ConvertInput& in, const ConvertOptions& options) {
  constexpr const char* adapted[] = {"unet", "text_encoder", "text_encoder_2"};
  std::vector<LoraUse> uses;
  for (const auto& [path, weight] : options.loras) {
    const auto& file = uses.emplace_back(LoraUse{open_lora(path), {.multiplier = weight}}).file;
    std::vector<LoraTargets> targets;
    for (const char* part : adapted)
      if (in.parts.contains(part)) targets.push_back(lora_targets(*file, part, *in.parts.at(part)));
    std::vector<const LoraTargets*> pointers;
    for (const LoraTargets& target : targets) pointers.push_back(&target);
    require_complete(lora_coverage(*file, pointers), *file, options.input.string());
  }
  for (const char* part : adapted)
    if (!uses.empty() && in.parts.contains(part)) in.parts[part] = with_lora(in.parts[part], part, uses);
}

void select_parts(ConvertInput& in, const ConvertOptions& options) {
  if (options.only.empty()) return;
  for (const std::string& part : options.only) {
    std::vector<std::string> names;
    for (const auto& [name, source] : in.parts) names.push_back(name);
    check(in.parts.contains(part), ErrorKind::usage, "--only ", part, ": ", options.input.string(), " has ", names.empty() ? "no parts" : join(names, ", "));
  }
  const auto left_out = [&](const auto& entry) { return std::find(options.only.begin(), options.only.end(), entry.first) == options.only.end(); };
  std::erase_if(in.parts, left_out);
  std::erase_if(in.shapes, left_out);
  std::erase_if(in.tables, left_out);
  in.others = nullptr;
}

}  // namespace

ConvertInput open_convert_input(const ConvertOptions& options, bool whole_model) {
  std::error_code error;
  check(fs::exists(options.input, error), ErrorKind::model, "there is no model ", options.input.string());
  ConvertInput in;
  if (fs::is_directory(options.input, error))
    open_folder(in, options);
  else
    open_file(in, options, whole_model);
  in.metadata = lasting(std::move(in.metadata));
  if (!options.vae.empty()) put_vae(in, options);
  in.shapes = in.parts;
  put_loras(in, options);
  select_parts(in, options);
  return in;
}

FolderFiles convert_folder_files(const ConvertInput& input, const ConvertOptions& options) {
  std::error_code error;
  const bool folder = fs::is_directory(options.input, error);
  FolderFiles files;
  if (folder || !options.config.empty()) {
    files = files_of_folder(folder ? options.input : options.config);
  } else {
    ModelConfig config = input.model->model_config(options.prediction);
    if (!config.prediction_known) {
      const auto backend = make_backend("auto");
      LoadedModel model(input.model, *backend, DType::f32);
      model.find_prediction();
      config = input.model->model_config(text_of(model.scheduler(), "prediction_type"));
    }
    files = files_of_model(*input.model, config);
  }
  if (!input.vae_config.empty()) files["vae/config.json"] = input.vae_config;
  return files;
}

}  // namespace imagent
