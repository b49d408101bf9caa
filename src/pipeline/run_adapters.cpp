// From a request's names to its models.
#include "pipeline/run_adapters.h"

namespace imagent {

RunAdapters find_adapters(Engine::State& state, const RunModels& models, Run& run, const Events& events) {
  const Request& r = run.request;
  std::vector<std::shared_ptr<const NamedEmbedding>> embeddings;
  if (r.compat != Compat::diffusers)
    embeddings = state.embeddings.mentioned({r.prompt, r.negative.value_or(""), r.prompt_2.value_or(""), r.negative_2.value_or("")});
  models.base.use_embeddings(embeddings);
  if (models.refiner) models.refiner->use_embeddings(embeddings);

  RunAdapters adapters{choose_loras(r, state.loras), 0};
  for (const LoraChoice& lora : adapters.loras) run.lora_hashes.emplace_back(lora.name, lora.hash);
  adapters.scratch = check_loras(models.base, adapters.loras, r.lora_lenient, events);
  return adapters;
}

void apply_adapters(const RunAdapters& adapters, const RunModels& models, const Events& events) {
  if (models.refiner && models.refiner != &models.base) apply_loras(*models.refiner, {}, events);
  apply_loras(models.base, adapters.loras, events);
}

void note_embeddings(Run& run, const LoadedModel& model, const EncodedPrompts& prompts) {
  for (const std::string& word : prompts.learned_words())
    for (const auto& embedding : model.embeddings())
      if (embedding->name == word) run.embedding_hashes.emplace_back(word, embedding->hash);
}

}  // namespace imagent
