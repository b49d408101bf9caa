// A model in diffusers' layout.
#include "pipeline/model_folder.h"

#include "hub/revisions.h"
#include "pipeline/model_config.h"
#include "pipeline/part_files.h"

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
  const std::string repository = repository_of_snapshot(absolute);  // the hub's cache calls folders by their commit
  return repository.empty() ? absolute.filename().string() : repository;
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

fs::path ModelFolder::weights_file(const std::string& part, bool prefer_half) const { return part_weights_file(path_ / part, part, prefer_half); }

std::shared_ptr<const Source> ModelFolder::weights(const std::string& part, bool prefer_half) const { return open_part(path_ / part, part, prefer_half); }

}  // namespace imagent
