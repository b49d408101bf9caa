// Weight files of every format, told apart by what they contain and not by their names.
#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "weights/source.h"

namespace imagent {

struct WeightFormat {
  std::string_view name;                                    // "safetensors"
  bool (*recognise)(std::span<const std::byte> file);
  std::shared_ptr<const Source> (*open)(const std::filesystem::path&);
};

std::span<const WeightFormat> weight_formats();

// The format of a file, nullptr when it is none of them. Errors: as MappedFile::open.
const WeightFormat* weight_format_of(const std::filesystem::path& path);

// Opens a weight file of any format. Errors: those of the formats; model when the content is none of them.
std::shared_ptr<const Source> open_weights(const std::filesystem::path& path);

}  // namespace imagent
