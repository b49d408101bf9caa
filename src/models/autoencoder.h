// What a run needs of one half of an autoencoder, whichever it is (models/vae.h, models/taesd.h).
#pragma once
#include <memory>
#include <vector>

#include "nn/layers.h"

namespace imagent {

// A decoder: latents [N,h,w,C] at the autoencoder's own scale -> picture [N,8h,8w,3] in about [-1,1], not clamped.
// An encoder: picture [N,H,W,3] in [-1,1] -> moments [N,H/8,W/8,2C]: mean, then log variance (to be clamped to [-30,20]);
// one without randomness gives the latents alone, [N,H/8,W/8,C].
struct VaeNetwork {
  virtual ~VaeNetwork() = default;
  virtual Tensor operator()(const Tensor& x) const = 0;
  virtual std::unique_ptr<VaeNetwork> clone() const = 0;       // shares the weights
  virtual std::vector<GroupNorm*> norms() { return {}; }       // in one order: those of a clone can be matched
};

}  // namespace imagent
