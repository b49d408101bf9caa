// A model in diffusers' layout.
#include "pipeline/model_folder.h"

#include <set>

#include "pipeline/model_config.h"
#include "weights/renamed.h"
#include "weights/safetensors.h"

namespace imagent {

namespace fs = std::filesystem;

ModelFolder::ModelFolder(fs::path path) : path_(std::move(path)) {
  std::error_code error;
  check(fs::exists(path_, error), ErrorKind::model, "there is no model ", path_.string());
  check(fs::is_directory(path_, error), ErrorKind::model, path_.string(), " is a file: a folder in diffusers' layout is wanted here (model_index.json, unet/, vae/, ...)");
  check(fs::exists(path_ / "model_index.json", error), ErrorKind::model, path_.string(), " is no model: it has no model_index.json");
  index_ = read_config(path_ / "model_index.json");
  check(has("unet"), ErrorKind::model, path_.string(), " is no Stable Diffusion model: it has no folder unet");
  check(has("vae"), ErrorKind::model, path_.string(), " is no Stable Diffusion model: it has no folder vae");
}

std::string ModelFolder::name() const {
  const fs::path absolute = fs::weakly_canonical(path_);
  return absolute.filename().string();
}

bool ModelFolder::has(const std::string& part) const {
  std::error_code error;
  return fs::is_directory(path_ / part, error);
}

std::string ModelFolder::config_path(const std::string& part) const {
  return (path_ / part / (part == "scheduler" ? "scheduler_config.json" : "config.json")).string();
}

nlohmann::json ModelFolder::config(const std::string& part) const { return read_config(config_path(part)); }

bool ModelFolder::flag(const char* name) const {
  const auto found = index_.find(name);
  return found != index_.end() && found->is_boolean() && found->get<bool>();
}

ModelConfig ModelFolder::model_config(const std::string& prediction) const {
  ModelConfig out;
  out.scheduler = scheduler_file(config("scheduler"), config_path("scheduler"));
  if (!prediction.empty()) out.scheduler["prediction_type"] = prediction;
  out.unet = unet_config(config("unet"), config_path("unet"));
  out.vae = vae_config(config("vae"), config_path("vae"));
  for (const std::string part : {"text_encoder", "text_encoder_2"})
    if (has(part)) out.text_encoders[part] = clip_text_config(config(part), config_path(part));
  out.zeros_for_no_negative = flag("force_zeros_for_empty_prompt");
  out.wants_aesthetic_score = flag("requires_aesthetics_score");
  out.defaults = with_own_file(model_defaults(out.scheduler, out.unet.sample_size, has("text_encoder_2")), path_ / "imagent.json");
  return out;
}

ClipTokenizer ModelFolder::tokenizer(const std::string& text_encoder) const {
  return ClipTokenizer::from_folder(path_ / (text_encoder == "text_encoder" ? "tokenizer" : "tokenizer_2"));
}

static fs::path weights_file(const fs::path& folder, const std::string& stem, bool prefer_half) {
  const std::string variants[] = {prefer_half ? ".fp16" : "", prefer_half ? "" : ".fp16"};
  for (const std::string& variant : variants)
    for (const std::string& name : {stem + variant + ".safetensors", stem + ".safetensors.index" + variant + ".json"})
      if (fs::exists(folder / name)) return folder / name;
  fail(ErrorKind::model, "no weights in ", folder.string(), ": neither ", stem, ".safetensors nor ", stem, ".fp16.safetensors nor an index of shards");
}

// The files that an index names; each has to lie beside it.
static std::vector<fs::path> shard_files(const fs::path& index_file) {
  const nlohmann::json index = read_config(index_file);
  const auto map = index.find("weight_map");
  check(map != index.end() && map->is_object(), ErrorKind::model, index_file.string(), " has no weight_map");
  std::set<std::string> names;
  for (const auto& [tensor, file] : map->items()) {
    check(file.is_string(), ErrorKind::model, index_file.string(), ": the file of ", tensor, " should be a text");
    const fs::path name = file.get<std::string>();
    check(!name.empty() && name == name.filename() && name != "..", ErrorKind::model, index_file.string(), " names the file ", name.string(), " outside its folder");
    names.insert(name.string());
  }
  std::vector<fs::path> files;
  for (const std::string& name : names) files.push_back(index_file.parent_path() / name);
  return files;
}

std::shared_ptr<const Source> open_folder_weights(const fs::path& folder, const std::string& stem, bool prefer_half) {
  const fs::path file = weights_file(folder, stem, prefer_half);
  if (file.extension() != ".json") return open_safetensors(file);
  std::vector<std::shared_ptr<const Source>> shards;
  for (const fs::path& shard : shard_files(file)) shards.push_back(open_safetensors(shard));
  return merged(std::move(shards), file.string());
}

static std::string weights_stem(const std::string& part) { return part.starts_with("text_encoder") ? "model" : "diffusion_pytorch_model"; }

fs::path ModelFolder::weights_file(const std::string& part, bool prefer_half) const {
  return imagent::weights_file(path_ / part, weights_stem(part), prefer_half);
}

std::shared_ptr<const Source> ModelFolder::weights(const std::string& part, bool prefer_half) const {
  std::shared_ptr<const Source> source = open_folder_weights(path_ / part, weights_stem(part), prefer_half);
  // Names of diffusers before 0.17 in the autoencoder's attention.
  if (part == "vae")
    source = renamed(source, {{".query.", ".to_q."}, {".key.", ".to_k."}, {".value.", ".to_v."}, {".proj_attn.", ".to_out.0."}});
  return source;
}

}  // namespace imagent
