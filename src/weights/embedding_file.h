// Textual inversion (Gal et al. 2022): vectors that a file has learned for one word. A1111 modules/textual_inversion;
// diffusers loaders/textual_inversion.py.
#pragma once
#include <optional>
#include <vector>

#include "weights/source.h"

namespace imagent {

struct LearnedVectors {
  int64_t count = 0, width = 0;
  std::vector<float> values;  // [count,width]
};

// One word; SDXL has vectors of their own for each of its two text encoders, as many for the one as for the other.
struct LearnedEmbedding {
  std::optional<LearnedVectors> only;
  std::optional<LearnedVectors> clip_l, clip_g;

  int64_t count() const { return only ? only->count : clip_l->count; }
};

// Errors: model, when the file holds no vectors, those of several words, or values that are not finite.
LearnedEmbedding read_embedding(const Source& file);

}  // namespace imagent
