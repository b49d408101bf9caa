// safetensors files: 8 bytes header length, a JSON header (name -> dtype, shape, data_offsets), the data.
// Format: github.com/huggingface/safetensors, README "Format".
#pragma once
#include <filesystem>
#include <memory>

#include "weights/source.h"

namespace imagent {

// Maps the file and reads its header; no tensor is copied. Errors: io (cannot open), model (truncated, header too
// large or no JSON, unknown dtype, offsets outside the file, overlapping or not matching the shape).
std::shared_ptr<const Source> open_safetensors(const std::filesystem::path& path);

}  // namespace imagent
