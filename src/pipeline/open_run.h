// From a request to the models that draw it: found before the run has the device, opened and loaded on it.
#pragma once
#include <string>

#include "pipeline/engine_state.h"
#include "pipeline/memory.h"

namespace imagent {

// bf16 where the device has it, unless the request says otherwise. Errors: unsupported.
DType compute_dtype(const Backend& backend, const Request& request);

struct FoundRun {
  Request request;                             // with paths for names of the hub
  FoundModel model;
  std::filesystem::path refiner;               // "": none
  std::string key;                             // sharing_key(); "": it shares with nobody
};
// Downloads what has to be. Errors: those of find_model() and sharing_key().
FoundRun find_run(const Engine::State& state, Request request, const Events& events, DType compute);

// Errors: model, when files of the run are no longer those that its key speaks of: what it changes in loaded models would
// change the runs beside it.
void check_unchanged(const Engine::State& state, const FoundRun& run);

// These stay while the run lasts, whatever becomes of the engine's lists.
struct OpenModels {
  std::shared_ptr<LoadedModel> base, refiner;  // no refiner: null
  std::shared_ptr<LoadedVae> previewer;        // null: none
};
// Errors: those of opening them, check_unchanged(); model, when what should decode previews is no tiny autoencoder.
OpenModels open_models(Engine::State& state, const FoundRun& run, DType compute);

// Drops what is not among `used` while the need is larger than what there is.
void make_room(Engine::State& state, const MemoryNeed& need, MemoryBudget& budget, const std::vector<const void*>& used);

}  // namespace imagent
