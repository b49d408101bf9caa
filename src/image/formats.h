// What image/codec.cpp needs of each format. Readers throw Error without the file's name; codec.cpp puts it in front.
#pragma once
#include <optional>
#include <string>

#include "image/codec.h"

namespace imagent::formats {

// Refuses a picture of more than max_pixels pixels.
void check_size(int64_t width, int64_t height, const DecodeLimits& limits);

Image decode_png(Bytes file, const DecodeLimits& limits);
Image decode_jpeg(Bytes file, const DecodeLimits& limits);
Image decode_webp(Bytes file, const DecodeLimits& limits);

std::vector<uint8_t> encode_png(const Image& image, const EncodeOptions& options);
std::vector<uint8_t> encode_jpeg(const Image& image, const EncodeOptions& options);
std::vector<uint8_t> encode_webp(const Image& image, const EncodeOptions& options);

// The EXIF block (from its byte order mark on) of a file, empty when there is none.
Bytes png_exif(Bytes file);
Bytes jpeg_exif(Bytes file);
Bytes webp_exif(Bytes file);

// The PNG text chunk with this keyword, as UTF-8.
std::optional<std::string> find_png_text(Bytes file, std::string_view keyword);

}  // namespace imagent::formats
