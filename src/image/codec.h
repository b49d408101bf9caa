// Pictures as files: PNG, JPEG and WebP, told apart by their content when read and by the file's extension when written.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "image/image.h"

namespace imagent {

using Bytes = std::span<const uint8_t>;

enum class ImageFormat { png, jpeg, webp };

// By the extension (.png .jpg .jpeg .webp in any case). Error: usage that lists them.
ImageFormat format_of_path(const std::filesystem::path& path);
const char* mime_type(ImageFormat format);
// By the first bytes. Error: image when it is none of the three.
ImageFormat format_of_content(Bytes file);

struct DecodeLimits {
  int64_t max_pixels = int64_t{64} << 20;  // checked in the header, before anything is allocated
};

// The picture, turned upright as its EXIF orientation says: 16 bits become 8, palettes and transparency colours RGB(A),
// CMYK RGB. `name` begins error texts. Error: image (no picture, damaged, cut short, too large), unsupported (animation).
Image decode_image(Bytes file, const DecodeLimits& limits = {}, const std::string& name = "image");
Image read_image(const std::filesystem::path& path, const DecodeLimits& limits = {});  // also Error io

struct EncodeOptions {
  ImageFormat format = ImageFormat::png;
  int quality = 95;          // 0..100, JPEG and lossy WebP
  bool lossless = false;     // WebP
  std::string parameters{};  // UTF-8, stored as the web UI does: PNG text "parameters", otherwise EXIF UserComment
};

// The same picture and options give the same bytes. Errors: usage (quality, parameters beyond what JPEG can hold), image.
std::vector<uint8_t> encode_image(const Image& image, const EncodeOptions& options = {});

// The stored parameters as UTF-8, "" when there are none. Reads only the metadata; a damaged file gives "".
// Error: image when it is no PNG, JPEG or WebP.
std::string read_parameters(Bytes file);

}  // namespace imagent
