// The engine: its device, and the models that stay loaded on it.
#include "pipeline/engine.h"

#include <algorithm>

#include "backends.h"
#include "pipeline/engine_state.h"
#include "pipeline/vae_source.h"

namespace imagent {

namespace fs = std::filesystem;

Engine::Engine(const EngineOptions& options) : state_(std::make_unique<State>(options.shared_pictures)) {
  state_->backend = make_backend(options.device, {.threads = options.threads});
  state_->lookup = {.builtin_model = options.builtin_model.empty() ? builtin_model_path() : options.builtin_model,
                    .models_folder = options.models_folder,
                    .offline = options.offline};
  state_->memory_limit = options.memory_limit;
  state_->loras = LoraLibrary(options.lora_dir, options.lora_paths);
  state_->embeddings = EmbeddingLibrary(options.embeddings_dir);
  state_->upscalers_dir = options.upscalers_dir;
  state_->names_parts = options.lora_paths;
}
Engine::~Engine() = default;

std::vector<std::string> Engine::lora_names() const { return state_->loras.names(); }
std::vector<std::string> Engine::embedding_names() const { return state_->embeddings.names(); }

int Engine::waiting_runs() const { return state_->device.waiting_runs(); }

Backend& Engine::backend() { return *state_->backend; }

const ModelLookup& Engine::lookup() const { return state_->lookup; }

fs::path Engine::find_model(const std::string& name, const Events& events) const {
  return imagent::find_model(state_->lookup, name, events, state_->backend->supports(DType::bf16)).path;
}

LoadedModel& Engine::State::open_model(const ModelKey& key) {
  constexpr size_t keep = 2;
  const auto found = std::find_if(models.begin(), models.end(), [&](const auto& model) { return model.first == key; });
  if (found != models.end()) {
    std::rotate(models.begin(), found, found + 1);
  } else {
    auto source = open_model_source(key.path, key.config, /*needs_vae=*/key.vae.empty());
    if (!key.vae.empty()) source = with_vae(std::move(source), open_vae(key.vae));
    auto model = std::make_unique<LoadedModel>(std::move(source), *backend, key.compute, key.prediction);
    if (key.seamless) model->make_seamless();
    models.emplace(models.begin(), key, std::move(model));
    if (models.size() > keep) models.pop_back();
  }
  return *models.front().second;
}

LoadedPreviewer& Engine::State::open_previewer(const fs::path& path, DType compute) {
  if (!previewer || previewer->source().path != path || previewer->compute() != compute) previewer.emplace(open_vae(path), *backend, compute);
  return *previewer;
}

std::vector<LoadedControlNet*> Engine::State::open_controlnets(const Request& request, DType compute) {
  std::vector<LoadedControlNet*> nets;
  decltype(controlnets) used;
  const auto find = [](auto& list, const ModelKey& key) { return std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.first == key; }); };
  for (const ControlUnit& unit : request.controls) {
    const ModelKey key{unit.model, {}, {}, compute};
    auto found = find(used, key);
    if (found == used.end()) {
      const auto kept = find(controlnets, key);
      auto net = kept == controlnets.end() ? std::make_unique<LoadedControlNet>(open_controlnet(unit.model, size_of(compute) == 2), *backend, compute)
                                           : std::move(kept->second);
      if (kept != controlnets.end()) controlnets.erase(kept);
      found = used.insert(used.end(), {key, std::move(net)});
    }
    nets.push_back(found->second.get());
  }
  if (!used.empty()) controlnets = std::move(used);
  return nets;
}

static bool is_among(const std::vector<const void*>& used, const void* part) { return std::find(used.begin(), used.end(), part) != used.end(); }

size_t Engine::State::unused_bytes(const std::vector<const void*>& used) const {
  size_t bytes = previewer && !is_among(used, &*previewer) ? previewer->packed_bytes() : 0;
  for (const auto& [key, model] : models) bytes += is_among(used, model.get()) ? 0 : model->packed_bytes();
  for (const auto& [key, net] : controlnets) bytes += is_among(used, net.get()) ? 0 : net->packed_bytes();
  return bytes;
}

void Engine::State::drop_unused(const std::vector<const void*>& used) {
  if (previewer && !is_among(used, &*previewer)) previewer.reset();
  std::erase_if(models, [&](const auto& entry) { return !is_among(used, entry.second.get()); });
  std::erase_if(controlnets, [&](const auto& entry) { return !is_among(used, entry.second.get()); });
}

}  // namespace imagent
