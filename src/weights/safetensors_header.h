// The JSON header of a safetensors file, read as a stream: what it says costs no more memory than it takes in the file.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

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

// `origin` is the file's name for messages. Errors: model (no JSON, or of another form than the format's).
SafetensorsHeader read_safetensors_header(std::string_view json, const std::string& origin);

}  // namespace imagent
