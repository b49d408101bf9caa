// A model in diffusers' layout: model_index.json and one folder a part, each with its own configuration and weights.
#pragma once
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "pipeline/model_source.h"

namespace imagent {

// The tensors of one part's folder: STEM.safetensors or the shards of an index. `prefer_half`: the .fp16. variant goes first
// when both are there. Errors: model, naming the files that were looked for.
std::shared_ptr<const Source> open_folder_weights(const std::filesystem::path& folder, const std::string& stem, bool prefer_half);

class ModelFolder : public ModelSource {
 public:
  // Errors: model, when there is no such folder or it is no model.
  explicit ModelFolder(std::filesystem::path path);

  const std::filesystem::path& path() const override { return path_; }
  std::string name() const override;                    // last part of the path
  const nlohmann::json& index() const { return index_; }
  bool has(const std::string& part) const override;     // "unet", "text_encoder_2", ...
  nlohmann::json config(const std::string& part) const;
  std::string config_path(const std::string& part) const;
  ModelConfig model_config(const std::string& prediction) const override;
  ClipTokenizer tokenizer(const std::string& text_encoder) const override;

  std::shared_ptr<const Source> weights(const std::string& part, bool prefer_half) const override;
  std::filesystem::path weights_file(const std::string& part, bool prefer_half) const;

 private:
  bool flag(const char* name) const;  // of model_index.json, false when absent

  std::filesystem::path path_;
  nlohmann::json index_;
};

}  // namespace imagent
