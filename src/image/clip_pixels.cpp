// transformers CLIPImageProcessorPil: shorter side resized (bicubic), middle cut out, mean and deviation of CLIP's training set.
#include "image/clip_pixels.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "image/resize.h"

namespace imagent {

std::vector<float> clip_pixels(const Image& picture, int side) {
  constexpr int longest = 32;
  constexpr std::array mean{0.48145466f, 0.4578275f, 0.40821073f}, deviation{0.26862954f, 0.26130258f, 0.27577711f};
  const int64_t shorter = std::min(picture.width, picture.height), longer = std::max(picture.width, picture.height);
  check(shorter > 0 && longer <= longest * shorter, ErrorKind::image, "a picture of ", picture.width, "x", picture.height, " is no prompt: at most ", longest,
        " times as long as wide");
  const auto length = static_cast<int>(side * longer / shorter);
  const bool wide = picture.width > picture.height;
  const Image scaled = resize(to_rgb(picture), wide ? length : side, wide ? side : length, Resample::bicubic);
  const int left = (scaled.width - side) / 2, top = (scaled.height - side) / 2;
  std::vector<float> out;
  out.reserve(static_cast<size_t>(side) * side * 3);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (size_t c = 0; c < 3; ++c) out.push_back((static_cast<float>(scaled.at(left + x, top + y)[c]) / 255 - mean[c]) / deviation[c]);
  return out;
}

}  // namespace imagent
