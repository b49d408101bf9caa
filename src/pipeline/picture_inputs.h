// What goes with the sampling of one picture beside its prompts: the parts of a picture that stay, further channels.
#pragma once
#include <optional>

#include "sampling/sampling_plan.h"

namespace imagent {

// Inpainting with a model that knows nothing of masks. diffusers' rule: after each step the part that stays is the
// picture again, with the noise of that level (pipeline_stable_diffusion_inpaint.py, step 10). The web UI's rule for
// samplers over noise levels: it is put into the model's idea of the clean image (sd_samplers_cfg_denoiser.py).
struct Background {
  Latents picture, noise;  // [C,h,w]
  Latents mask;            // [1,h,w]: 1 is drawn anew
  SamplingPlan plan;
  bool in_prediction = false;

  void after_step(const StepDone& done) const;
  // A model output with guidance -> the one whose clean image shows the picture where it stays.
  void after_model(const ModelCall& call, std::vector<float>& output) const;
};

struct PictureInputs {
  Latents extra;                         // [C',h,w], appended to every input of the UNet
  std::optional<Background> background;
};

}  // namespace imagent
