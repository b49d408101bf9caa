// FreeU (Si et al. 2023): the inner two levels of the way up hear more of the network and less of what the skip connections
// say in low frequencies. diffusers torch_utils.py: apply_freeu, fourier_filter.
#pragma once
#include <cstddef>

namespace imagent {

class Tensor;

struct FreeU {
  float b1 = 1, b2 = 1;              // of half of the network's channels, innermost level and the next
  float s1 = 1, s2 = 1;              // of the skip connections' low frequencies there

  bool operator==(const FreeU&) const = default;
  explicit operator bool() const { return b1 != 1 || b2 != 1 || s1 != 1 || s2 != 1; }
  // Changes what up block `level` (0: innermost) joins: x and skip [N,h,w,C].
  void apply(size_t level, Tensor& x, Tensor& skip) const;
};

// The mean over the picture and the waves as long as it (its frequencies -1 and 0 in either direction), times `scale`.
Tensor scale_low_frequencies(const Tensor& x, float scale);

}  // namespace imagent
