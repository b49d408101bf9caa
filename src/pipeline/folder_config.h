// The configuration files of a model folder in diffusers' layout: those of another folder, or made out of what is known of
// a model that has none.
#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "pipeline/model_source.h"

namespace imagent {

// Path within the folder -> text.
using FolderFiles = std::map<std::string, std::string>;

// model_index.json and the configurations of all parts, scheduler and tokenizers, without weights.
FolderFiles files_of_folder(const std::filesystem::path& folder);

// The same for a single file, as diffusers writes them. Errors: unsupported, for networks whose configuration cannot be
// told from their tensors.
FolderFiles files_of_model(const ModelSource& model, const ModelConfig& config);

// model_index.json that names these parts and no others: those left out become [null, null], which diffusers loads.
std::string index_with_parts(const std::string& index, const std::vector<std::string>& parts);

}  // namespace imagent
