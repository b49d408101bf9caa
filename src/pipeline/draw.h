// The sampling loop: drives the samplers of all pictures of a run, sharing UNet calls.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "pipeline/control.h"
#include "pipeline/encode_prompt.h"
#include "pipeline/engine.h"
#include "pipeline/image_prompt.h"
#include "pipeline/picture_inputs.h"
#include "pipeline/shared_device.h"
#include "sampling/sampling.h"

namespace imagent {

// One model's share of a run: the whole of it, or the part before or after the hand-off to a refiner.
struct DrawStage {
  SharedDevice::Turn* turn = nullptr;
  LoadedModel* model = nullptr;
  const EncodedPrompts* prompts = nullptr;
  std::vector<float> time_ids, negative_time_ids;  // SDXL
  const Request* request = nullptr;
  std::span<const PictureInputs> inputs;           // one an image
  std::vector<Control> controls = {};
  std::vector<ImagePrompt> image_prompts = {};
};

struct DrawObserver {
  // After each step of the first picture: how many are done, of how many, its present idea of the clean image.
  std::function<void(int step, int steps, const Latents& denoised)> step;
  std::vector<double>* step_seconds = nullptr;
  const std::atomic<bool>* stop = nullptr;         // raised: the present ideas of the clean images are the result
};

// Runs the samplers to their end, or until they are stopped after a step, and returns their latents, in the same order.
std::vector<Latents> draw(const DrawStage& stage, std::vector<Sampling> samplings, const DrawObserver& observer);

}  // namespace imagent
