// The JSON header of a safetensors file, read as a stream: what it says costs no more memory than it takes in the file.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace imagent {

// A header's entry as written, unchecked but for its types.
struct SafetensorsEntry {
  std::string dtype;
  std::vector<uint64_t> shape, data_offsets;
};

struct SafetensorsHeader {
  std::map<std::string, SafetensorsEntry> tensors;
  std::map<std::string, std::string> metadata;
};

// The format's name of an element type ("BF16"), and back.
std::string_view safetensors_dtype(DType type);
std::optional<DType> safetensors_dtype(std::string_view name);

// `origin` is the file's name for messages. Errors: model (no JSON, or of another form than the format's).
SafetensorsHeader read_safetensors_header(std::string_view json, const std::string& origin);

}  // namespace imagent
