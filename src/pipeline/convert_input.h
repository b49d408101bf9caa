// What is converted: the parts of a model under diffusers' names, where each tensor stands in a single file, and the rest.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/convert.h"
#include "pipeline/folder_config.h"
#include "weights/rearranged.h"

namespace imagent {

struct ConvertInput {
  std::shared_ptr<const ModelSource> model;                      // nothing: a file that is no whole model
  std::map<std::string, std::shared_ptr<const Source>> parts;    // as they are written
  std::map<std::string, std::shared_ptr<const Source>> shapes;   // the same before adapters: names, shapes and types
  std::map<std::string, TensorTable> tables;                     // by part: where its tensors stand in a single file
  std::shared_ptr<const Source> others;                          // tensors of a single file that no part needs; may be null
  std::map<std::string, std::string> metadata;
  std::string vae_config;                                        // config.json of the VAE put in, "" when there is none
};

// Opens everything that the options name and checks that it fits together. Errors: usage, model, unsupported.
ConvertInput open_convert_input(const ConvertOptions& options, bool whole_model);

// Configuration files of the model as a folder; asks the UNet what it predicts when nothing else tells.
FolderFiles convert_folder_files(const ConvertInput& input, const ConvertOptions& options);

}  // namespace imagent
