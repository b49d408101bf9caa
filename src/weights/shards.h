// A model in several files: an index (model.safetensors.index.json of transformers and diffusers) says which file holds
// which tensor.
#pragma once
#include <filesystem>
#include <memory>

#include "weights/source.h"

namespace imagent {

// Opens the files that the index names; each has to lie beside it, be a safetensors file and hold its tensors. Errors: io
// (cannot open), model (no index, a file outside its folder, a missing file or tensor).
std::shared_ptr<const Source> open_shards(const std::filesystem::path& index);

}  // namespace imagent
