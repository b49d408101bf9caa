// A picture as CLIP's image encoder looks at it. transformers CLIPImageProcessor with its usual numbers.
#pragma once
#include <vector>

#include "image/image.h"

namespace imagent {

// The middle square of the picture, [side,side,3] channels last, each colour centred and scaled.
// Error: image, when the picture is more than 32 times as long as wide.
std::vector<float> clip_pixels(const Image& picture, int side);

}  // namespace imagent
