// Finding and opening the models of a run.
#include "pipeline/open_run.h"

#include "pipeline/find_parts.h"
#include "pipeline/sharing_key.h"

namespace imagent {

DType compute_dtype(const Backend& backend, const Request& request) {
  const DType compute = request.dtype.value_or(backend.supports(DType::bf16) ? DType::bf16 : DType::f32);
  check(backend.supports(compute), ErrorKind::unsupported, "the device ", backend.name(), " cannot compute in ", name_of(compute),
        " on this machine: f32 is always possible");
  return compute;
}

static std::string key_of(const Engine::State& state, const FoundRun& run) {
  return state.device.pictures() > 1 ? sharing_key(run.request, {run.model.path, run.refiner, state.loras}) : "";
}

FoundRun find_run(const Engine::State& state, Request request, const Events& events, DType compute) {
  const bool half = size_of(compute) == 2;
  FoundRun run{std::move(request), {}, {}, {}};
  if (state.names_parts) run.request = with_found_parts(state.lookup, std::move(run.request), events, half);
  run.model = find_model(state.lookup, run.request.model, events, half);
  if (!run.request.refiner.empty()) run.refiner = find_model(state.lookup, run.request.refiner, events, half).path;
  run.key = key_of(state, run);
  return run;
}

void check_unchanged(const Engine::State& state, const FoundRun& run) {
  check(run.key == key_of(state, run), ErrorKind::model, "a file of this request was written anew while its run began: try again");
}

OpenModels open_models(Engine::State& state, const FoundRun& run, DType compute) {
  const Request& r = run.request;
  OpenModels models;
  const bool own_vae = r.vae.empty();
  std::vector<std::shared_ptr<LoadedVae>> vaes;
  const auto open = [&](const ModelKey& key) {
    auto model = state.open_model(key, own_vae);
    const ModelKey vae{.path = r.vae, .config = {}, .prediction = {}, .compute = compute, .seamless = r.tiling};
    vaes.push_back(own_vae ? nullptr : state.open_other_vae(vae, model->own_vae_config()));
    return model;
  };
  models.base = open({run.model.path, r.model_config, r.prediction, compute, r.tiling});
  if (!run.refiner.empty()) models.refiner = open({run.refiner, {}, {}, compute, r.tiling});
  if (r.preview_every > 0 && r.preview == PreviewKind::taesd) {
    models.previewer = state.open_other_vae({.path = r.taesd, .config = {}, .prediction = {}, .compute = compute}, {});
    check(models.previewer->config().tiny, ErrorKind::model, r.taesd, " is no tiny autoencoder (TAESD)");
  }
  check_unchanged(state, run);
  models.base->use_vae(vaes.front());
  if (models.refiner) models.refiner->use_vae(vaes.back());
  return models;
}

void make_room(Engine::State& state, const MemoryNeed& need, MemoryBudget& budget, const std::vector<const void*>& used) {
  if (budget.limit || budget.wanted(need) > budget.available()) {
    state.backend->release_cached();  // what earlier runs left in the pool is free too
    budget.seen.reset();
  }
  while (budget.wanted(need) > budget.available() && state.drop_unused(used)) {
    budget.unused = state.unused_bytes(used);
    budget.seen.reset();
  }
}

}  // namespace imagent
