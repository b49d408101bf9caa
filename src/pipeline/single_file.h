// A model in one file in the original naming (weights/names_ldm.h).
#pragma once
#include <optional>

#include "pipeline/detect.h"
#include "pipeline/model_folder.h"

namespace imagent {

class SingleFile : public ModelSource {
 public:
  // `config`: as of open_model_source().
  SingleFile(std::filesystem::path path, const std::filesystem::path& config, bool needs_vae = true);

  const std::filesystem::path& path() const override { return path_; }
  std::string name() const override { return path_.stem().string(); }
  ModelConfig model_config(const std::string& prediction) const override;
  bool has(const std::string& part) const override { return parts_.contains(part) || from_folder(part); }
  std::shared_ptr<const Source> weights(const std::string& part, bool prefer_half) const override;
  ClipTokenizer tokenizer(const std::string& text_encoder) const override;

 private:
  bool from_folder(const std::string& part) const;

  std::filesystem::path path_;
  std::shared_ptr<const Source> file_;
  LdmParts parts_;
  std::optional<ModelFolder> config_;
};

}  // namespace imagent
