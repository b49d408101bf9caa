// Embeddings and LoRAs of one run: found for its request, and put on its models before these load.
#pragma once
#include <vector>

#include "pipeline/encode_prompt.h"
#include "pipeline/engine_state.h"
#include "pipeline/lora_choices.h"

namespace imagent {

struct RunModels {
  LoadedModel& base;
  LoadedModel* refiner;  // may be null, or the base itself
};

struct RunAdapters {
  std::vector<LoraChoice> loras;
  size_t scratch = 0;  // bytes that merging needs beside the weights
};

// Makes the words of the folder of embeddings known to both models, finds the LoRAs, checks that they fit the base, which
// alone gets them, and notes in the run what is used. Nothing is loaded. Errors: those of choose_loras, check_loras.
RunAdapters find_adapters(Engine::State& state, const RunModels& models, Run& run, const Events& events);

// Errors: those of apply_loras.
void apply_adapters(const RunAdapters& adapters, const RunModels& models, const Events& events);

// Notes the embeddings that the prompts hold.
void note_embeddings(Run& run, const LoadedModel& model, const EncodedPrompts& prompts);

}  // namespace imagent
