// Real models without their weights: names and shapes of golden/manifests.
#pragma once
#include "pipeline/detect.h"
#include "support/golden.h"
#include "support/zero_source.h"
#include "text/clip_table.h"
#include "weights/names_ldm.h"

namespace imagent::test {

inline Shapes single_file(const std::string& manifest) { return shapes_of(read_json(golden("manifests/" + manifest + ".json"))["single_file"]); }

// A real model's names and shapes as a single file.
class ZeroModel : public ModelSource {
 public:
  explicit ZeroModel(const Shapes& shapes, const std::map<std::string, std::string>& metadata = {})
      : file_(std::make_shared<ZeroSource>(shapes, metadata)), parts_(ldm_parts(file_->names())) {}
  const std::filesystem::path& path() const override { return path_; }
  std::string name() const override { return "zeros"; }
  ModelConfig model_config(const std::string& prediction) const override { return detect_model(file_, parts_, prediction); }
  bool has(const std::string& part) const override { return parts_.contains(part); }
  std::shared_ptr<const Source> weights(const std::string& part, bool) const override { return rearranged(file_, parts_.at(part)); }
  ClipTokenizer tokenizer(const std::string& part) const override { return ClipTokenizer::from_bpe_table(clip_bpe_table(), pad_token(*weights(part, false))); }

 private:
  std::filesystem::path path_ = "zeros";
  std::shared_ptr<const Source> file_;
  LdmParts parts_;
};

}  // namespace imagent::test
