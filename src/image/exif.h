// EXIF: the orientation and the user comment, the two fields that matter to us (JEITA CP-3451, TIFF 6.0).
#pragma once
#include <string>
#include <vector>

#include "image/codec.h"

namespace imagent {

// 1..8; 1 (upright) when absent or damaged.
int exif_orientation(Bytes exif);
// The user comment as UTF-8, "" when absent or damaged. UTF-16 of either byte order, ASCII and UTF-8 are read.
std::string exif_user_comment(Bytes exif);
// An EXIF block that holds nothing but this comment, in the web UI's form: "UNICODE\0" and UTF-16, big endian (piexif).
std::vector<uint8_t> exif_with_user_comment(const std::string& utf8);

// Turns the picture upright.
Image apply_orientation(Image image, int orientation);

}  // namespace imagent
