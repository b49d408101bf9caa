// One walk from noise, or from a picture with noise, to clean latents; the refiner's part included.
#pragma once
#include "pipeline/encode_prompt.h"
#include "pipeline/picture_start.h"
#include "pipeline/run_context.h"
#include "sampling/sampling_plan.h"

namespace imagent {

struct PassPrompts {
  EncodedPrompts base;
  std::optional<EncodedPrompts> refiner;   // with a refiner
};

struct Pass {
  const Request& request;                  // size, steps, sampler and strength are those of this pass
  const PassPrompts& prompts;
  const PassSource& source;
  bool does_all_steps = false;             // the request's steps are those that are done, whatever the strength
};

// What the plan of a pass depends on. The request's strength counts only when the pass starts from a picture.
SamplingOptions sampling_options(const LoadedModel& model, const Request& request, bool from_picture);

// -> the latents of all images, in their order.
std::vector<Latents> draw_pass(RunContext& c, const Pass& pass);

}  // namespace imagent
