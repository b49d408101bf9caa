// One UNet call for any number of pictures of one size: joins their rows into a batch and applies guidance.
#pragma once
#include <span>
#include <vector>

#include "models/unet.h"
#include "pipeline/conditioning.h"
#include "pipeline/control.h"
#include "pipeline/image_prompt.h"

namespace imagent {

struct DenoiseJob {
  std::span<const float> input;  // [C,h,w] planar, scaled as the UNet wants it
  float timestep = 0;
  const Guidance* guidance = nullptr;
  std::span<const float> extra = {};  // [C',h,w]: further channels of the UNet's input, not scaled
  std::vector<const Control*> controls = {};  // those that count in this step
  std::vector<const ImagePrompt*> image_prompts = {};  // the same
};

// A model output [C,h,w] (eps, v or x0) with guidance, and the one of the negative prompt alone (empty without guidance).
struct Denoised {
  std::vector<float> guided, negative;
};

// -> one for each job. All conditionings have the same number of tokens.
std::vector<Denoised> denoise(const UNet2DConditionModel& unet, DType compute, int height, int width, std::span<const DenoiseJob> jobs);

// guided, rescaled towards the spread of the conditional output (Lin et al. 2023, section 3.4); diffusers rescale_noise_cfg.
void rescale_guidance(std::span<float> guided, std::span<const float> conditional, float rescale);

}  // namespace imagent
