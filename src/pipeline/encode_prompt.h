// Prompts through the text encoders. diffusers pipeline_stable_diffusion(_xl).py: encode_prompt; A1111 sd_hijack_clip.py.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/conditioning.h"
#include "pipeline/loaded_model.h"
#include "pipeline/request.h"
#include "text/prompt_plan.h"

namespace imagent {

// A prompt that may change from step to step, and what the encoders made of it.
struct EncodedPrompt {
  PromptPlan plan;
  std::vector<std::shared_ptr<const Conditioning>> encodings;  // by index, as plan.encodings

  // What is in force at a step (from 0), each with SDXL's numbers; the weights are those of AND.
  std::vector<WeightedConditioning> at(int step, const std::vector<float>& time_ids) const;
};

struct EncodedPrompts {
  EncodedPrompt positive;
  std::optional<EncodedPrompt> negative;  // when the run is guided

  std::vector<std::string> learned_words() const;  // embeddings (textual inversion) in the prompts, each once
};

// What the prompts mean for the size of a UNet call: rows of one picture (prompts joined by AND, the negative one) and
// tokens of a row. Reads the tokenizers only. Errors: as encode_prompts.
struct PromptShape {
  int rows = 1;
  int64_t tokens = 77;
};
PromptShape prompt_shape(LoadedModel& model, const Request& request);

// Both prompts of a request whose steps and guidance are filled in; the shorter one is padded with empty chunks.
// `first_pass_steps`: the request is that of a hires pass after one of so many steps; prompts go on changing in it.
// Errors: usage (not UTF-8, clip skip beyond the layers, a second prompt that changes between steps).
EncodedPrompts encode_prompts(LoadedModel& model, const Request& request, std::optional<int> first_pass_steps = std::nullopt);

}  // namespace imagent
