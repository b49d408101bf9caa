// A model in several files: an index (model.safetensors.index.json of transformers and diffusers) says which file holds
// which tensor.
#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "weights/source.h"

namespace imagent {

// Opens the files that the index names, of any weight format; each has to lie beside it and hold its tensors. Errors: io
// (cannot open), model (no index, a file outside its folder, a missing file or tensor).
std::shared_ptr<const Source> open_shards(const std::filesystem::path& index);

// The files that the index names, each once. Errors: as above.
std::vector<std::filesystem::path> shard_files(const std::filesystem::path& index);

}  // namespace imagent
