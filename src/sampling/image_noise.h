// The noise of one image by the rules of the A1111 web UI: variation seeds, seed resize, ENSD (modules/rng.py ImageRNG).
#pragma once
#include <memory>

#include "sampling/latents.h"

namespace imagent {

struct ImageNoiseOptions {
  GeneratorKind kind = GeneratorKind::cpu;
  uint64_t seed = 0;
  uint64_t variation_seed = 0;
  double variation_strength = 0;               // 0: no variation, 1: the variation seed's noise alone
  int resize_from_height = 0, resize_from_width = 0;  // pixels; 0: off
  int64_t seed_delta = 0;                      // ENSD: after the first draw go on with seed + delta
};

// Draw 0 is the initial noise; later draws come from the same image's generator, so it may serve as a sampler's Generator.
class ImageNoise final : public Generator {
 public:
  ImageNoise(const ImageNoiseOptions& options, int channels, int height, int width);
  Latents initial();
  void normal(std::span<float> out) override { generator_->normal(out); }

 private:
  ImageNoiseOptions options_;
  int channels_, height_, width_;
  std::unique_ptr<Generator> generator_;
};

}  // namespace imagent
