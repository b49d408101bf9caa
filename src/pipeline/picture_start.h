// What each image of a pass starts from: its random numbers, and what is drawn from them before the first step.
#pragma once
#include <optional>

#include "pipeline/image_latents.h"
#include "pipeline/picture_inputs.h"
#include "pipeline/request.h"
#include "sampling/image_noise.h"

namespace imagent {

// A1111's rule: image i has seed + i, but with variations all have one seed, and variation seed + i.
struct ImageSeed {
  int64_t seed, variation;
};
ImageSeed seed_of(const Request& request, int index);

// What a pass starts from. Nothing of it: pure noise.
struct PassSource {
  std::vector<EncodedPicture> pictures;    // one for all images, or one an image
  std::vector<Latents> latents;            // or latents as they are, one an image
  std::optional<EncodedPicture> blanked;   // inpainting models: the picture without what the mask hides
  Latents mask;                            // [1,h,w], 1 is drawn anew; no values: no mask

  bool empty() const { return pictures.empty() && latents.empty(); }
};

class PictureStart {
 public:
  // Of image `index` of a batch; size and seeds are the request's. `uses_ensd`: of the plan.
  PictureStart(const Request& request, LoadedModel& model, bool uses_ensd, int index);

  int64_t seed() const { return seed_; }
  Generator& generator() { return noise_; }
  // The latents of the first step, and what goes with every step. Draws random numbers: once an image.
  Latents latents(const PassSource& source, const SamplingPlan& plan, PictureInputs& inputs);

 private:
  Latents drawn(const EncodedPicture& picture);
  Latents picture(const PassSource& source);
  void fill(const Latents& mask, Latents& picture) const;

  const Request& request_;
  LoadedModel& model_;
  size_t index_;
  int64_t seed_;
  ImageNoise noise_;
};

}  // namespace imagent
