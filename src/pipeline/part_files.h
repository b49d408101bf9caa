// The weight files of one part of a model in diffusers' layout: which of them are taken, in which format.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "weights/source.h"

namespace imagent {

// A file or an index of shards in the part's folder: safetensors before PyTorch's and GGUF. `prefer_half`: the .fp16.
// variant when it is smaller; without one, or without the other, what there is. Errors: model, naming what was looked for.
std::filesystem::path part_weights_file(const std::filesystem::path& folder, const std::string& part, bool prefer_half);

// Its tensors, under the names that diffusers has now. Errors: those of open_weights too.
std::shared_ptr<const Source> open_part(const std::filesystem::path& folder, const std::string& part, bool prefer_half);

// A VAE on its own: a file in the original naming or diffusers', a folder of the part, or a whole model. Errors: model.
std::shared_ptr<const Source> open_vae(const std::filesystem::path& path, bool prefer_half);

}  // namespace imagent
