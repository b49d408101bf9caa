// What the UNet is told besides the noisy latents: plain host memory, so that it can be cached, joined and sent anywhere.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/freeu.h"

namespace imagent {

// One prompt through the text encoders.
struct Conditioning {
  int64_t tokens = 0, width = 0;
  std::vector<float> states;    // [tokens,width]
  std::vector<float> pooled;    // [P], SDXL only
};

// One prompt with its weight in a sum (AND), and SDXL's numbers for it.
struct WeightedConditioning {
  std::shared_ptr<const Conditioning> conditioning;
  float weight = 1;
  std::vector<float> time_ids;  // SDXL: original height, width, crop top, left, target height, width (refiner: aesthetic score)
};

// Everything that guides one picture during one step.
struct Guidance {
  std::vector<WeightedConditioning> positive;  // at least one
  WeightedConditioning negative;               // read only when needs_negative()
  float scale = 1, rescale = 0;                // up to 1: no guidance, which is a scale of 1
  bool embedded = false;                       // LCM: the scale is an input of the UNet, no negative pass

  std::optional<float> image_scale = {};       // pix2pix: how strongly the picture to edit counts
  FreeU freeu;                                 // the same for all rows of a UNet call

  bool wants_negative = false;                 // CFG++: the sampler reads the negative output, whatever the scale

  // A sum of prompts (AND) is taken of their differences from it, also without guidance.
  bool needs_negative() const { return !embedded && (scale > 1 || positive.size() > 1 || wants_negative); }
  // Editing compares with a row that sees neither the text nor the picture.
  bool needs_blank() const { return image_scale && needs_negative(); }
  size_t rows() const { return positive.size() + (needs_negative() ? 1 : 0) + (needs_blank() ? 1 : 0); }
};

}  // namespace imagent
