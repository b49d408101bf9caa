// A model in one file.
#include "pipeline/single_file.h"

#include <algorithm>

#include "text/clip_table.h"
#include "weights/names_ldm.h"
#include "weights/open.h"

namespace imagent {

namespace fs = std::filesystem;

SingleFile::SingleFile(fs::path path, const fs::path& config, bool needs_vae)
    : path_(std::move(path)), file_(open_weights(path_)), parts_(ldm_parts(file_->names())) {
  if (!config.empty()) config_.emplace(config);
  require_whole_model(*file_, parts_, [&](const std::string& part) { return from_folder(part) || (part == "vae" && !needs_vae); });
}

// A file of the UNet alone takes its other parts from the folder of its configuration.
bool SingleFile::from_folder(const std::string& part) const {
  const bool unet_only = std::none_of(parts_.begin(), parts_.end(), [](const auto& own) { return own.first != "unet"; });
  return unet_only && part != "unet" && config_ && config_->has(part);
}

ModelConfig SingleFile::model_config(const std::string& prediction) const {
  return config_ ? config_->model_config(prediction) : detect_model(file_, parts_, prediction);
}

std::shared_ptr<const Source> SingleFile::weights(const std::string& part, bool prefer_half) const {
  if (from_folder(part)) return config_->weights(part, prefer_half);
  const auto table = parts_.find(part);
  check(table != parts_.end(), ErrorKind::model, path_.string(), " has no ", part);
  return rearranged(file_, table->second);
}

ClipTokenizer SingleFile::tokenizer(const std::string& text_encoder) const {
  if (config_) return config_->tokenizer(text_encoder);
  return ClipTokenizer::from_bpe_table(clip_bpe_table(), pad_token(*weights(text_encoder, false)));
}

std::shared_ptr<const ModelSource> open_model_source(const fs::path& path, const fs::path& config, bool needs_vae) {
  std::error_code error;
  check(fs::exists(path, error), ErrorKind::model, "there is no model ", path.string());
  if (!fs::is_directory(path, error)) return std::make_shared<SingleFile>(path, config, needs_vae);
  check(config.empty(), ErrorKind::usage, "the model ", path.string(), " is a folder and has its own configuration: one from elsewhere is for single files");
  return std::make_shared<ModelFolder>(path);
}

}  // namespace imagent
