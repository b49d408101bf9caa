// GGUF files, versions 2 and 3. Format: github.com/ggml-org/ggml, docs/gguf.md.
#pragma once
#include <filesystem>
#include <memory>

#include "weights/source.h"

namespace imagent {

// Maps the file and reads its header. Plain tensors are viewed in place; find() widens quantised ones to f32 in a buffer
// that the view owns. Axes are turned to the outermost first, as everywhere; shapes are those of the model, also where
// ComfyUI's converter stored rows of another length. metadata() holds texts and single values.
// Errors: io (cannot open), model (truncated, damaged, another version), and unsupported from find() for a quantised type
// that is not read.
std::shared_ptr<const Source> open_gguf(const std::filesystem::path& path);

}  // namespace imagent
