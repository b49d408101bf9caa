// What a model is, in a few words, from configurations and headers of weight files alone.
#pragma once
#include <filesystem>
#include <string>

namespace imagent {

struct ModelSummary {
  std::string kind;             // as kind_of_model(); a single file is told by its tensors
  std::string dtype = "";       // in which most of its numbers are stored: "f16", "Q8_0"; of a pipeline: those of the UNet
  std::string prediction = "";  // "epsilon", "v_prediction", "sample"; "": not told
  std::string fault = "";       // why it cannot be read; "": it can
};

// `kind`: kind_of_model(path). Never throws an Error: it becomes `fault`.
ModelSummary summarise_model(const std::filesystem::path& path, const std::string& kind);

}  // namespace imagent
