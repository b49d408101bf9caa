// The engine: its device, and the models that stay loaded on it.
#include "pipeline/engine.h"

#include <algorithm>

#include "backends.h"
#include "pipeline/engine_state.h"
#include "pipeline/vae_source.h"

namespace imagent {

namespace fs = std::filesystem;

Engine::Engine(const EngineOptions& options) : state_(std::make_unique<State>()) {
  state_->backend = make_backend(options.device, {.threads = options.threads});
  state_->lookup = {.builtin_model = options.builtin_model.empty() ? builtin_model_path() : options.builtin_model,
                    .models_folder = options.models_folder,
                    .offline = options.offline};
  state_->memory_limit = options.memory_limit;
  state_->loras = LoraLibrary(options.lora_dir, options.lora_paths);
  state_->embeddings = EmbeddingLibrary(options.embeddings_dir);
}
Engine::~Engine() = default;

std::vector<std::string> Engine::lora_names() const { return state_->loras.names(); }
std::vector<std::string> Engine::embedding_names() const { return state_->embeddings.names(); }

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

const LoadedPreviewer& Engine::State::open_previewer(const fs::path& path, DType compute) {
  if (previewer && previewer->path == path && previewer->compute == compute) return *previewer;
  const VaeSource source = open_vae(path);
  check(source.config && source.config->tiny, ErrorKind::model, path.string(), " is no tiny autoencoder (TAESD)");
  const Weights weights(source.weights, *backend, compute);
  auto network = make_vae_decoder(weights, *source.config);
  weights.finish({"encoder."});
  previewer = LoadedPreviewer{path, compute, *source.config, std::move(network)};
  return *previewer;
}

}  // namespace imagent
