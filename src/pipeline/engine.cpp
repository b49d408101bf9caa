// The engine: its device, and the models that stay loaded on it.
#include "pipeline/engine.h"

#include <algorithm>

#include "backends.h"
#include "pipeline/engine_state.h"
#include "pipeline/named_files.h"
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

void Engine::unload_models() {
  const SharedDevice::Turn alone(state_->device, backend(), nullptr, "");
  while (state_->drop_unused({})) continue;
  state_->backend->release_cached();
}

std::vector<std::string> Engine::loaded_models() const {
  const SharedDevice::Turn alone(state_->device, *state_->backend, nullptr, "");
  std::vector<std::string> names;
  for (const auto& [key, model] : state_->models) names.push_back(model->source()->name());
  return names;
}

int Engine::waiting_runs() const { return state_->device.waiting_runs(); }

Backend& Engine::backend() { return *state_->backend; }

const ModelLookup& Engine::lookup() const { return state_->lookup; }

fs::path Engine::find_model(const std::string& name, const Events& events) const {
  return imagent::find_model(state_->lookup, name, events, state_->backend->supports(DType::bf16)).path;
}

LoadedModel& Engine::State::open_model(ModelKey key) {
  key.stamp = model_stamp(key.path) + model_stamp(key.vae);
  const auto found = std::find_if(models.begin(), models.end(), [&](const auto& model) { return model.first == key; });
  if (found != models.end()) {
    std::rotate(models.begin(), found, found + 1);
  } else {
    auto source = open_model_source(key.path, key.config, /*needs_vae=*/key.vae.empty());
    if (!key.vae.empty()) source = with_vae(std::move(source), open_vae(key.vae));
    auto model = std::make_unique<LoadedModel>(std::move(source), *backend, key.compute, key.prediction);
    if (key.seamless) model->make_seamless();
    models.emplace(models.begin(), key, std::move(model));
  }
  return *models.front().second;
}

LoadedPreviewer& Engine::State::open_previewer(const fs::path& path, DType compute) {
  if (!previewer || previewer->source().path != path || previewer->compute() != compute) previewer.emplace(open_vae(path), *backend, compute);
  return *previewer;
}

std::vector<LoadedControl*> Engine::State::open_controls(const Request& request, DType compute) {
  std::vector<LoadedControl*> nets;
  decltype(controls) used;
  const auto find = [](auto& list, const ModelKey& key) { return std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.first == key; }); };
  for (const ControlUnit& unit : request.controls) {
    const ModelKey key{.path = unit.model, .config = {}, .prediction = {}, .compute = compute, .stamp = model_stamp(unit.model)};
    auto found = find(used, key);
    if (found == used.end()) {
      const auto kept = find(controls, key);
      auto net = kept == controls.end() ? std::make_unique<LoadedControl>(open_control(unit.model, size_of(compute) == 2), *backend, compute)
                                           : std::move(kept->second);
      if (kept != controls.end()) controls.erase(kept);
      found = used.insert(used.end(), {key, std::move(net)});
    }
    nets.push_back(found->second.get());
  }
  if (!used.empty()) controls = std::move(used);
  return nets;
}

static bool is_among(const std::vector<const void*>& used, const void* part) { return std::find(used.begin(), used.end(), part) != used.end(); }

size_t Engine::State::unused_bytes(const std::vector<const void*>& used) const {
  size_t bytes = previewer && !is_among(used, &*previewer) ? previewer->packed_bytes() : 0;
  for (const auto& [key, model] : models) bytes += is_among(used, model.get()) ? 0 : model->packed_bytes();
  for (const auto& [key, control] : controls) bytes += is_among(used, control.get()) ? 0 : control->packed_bytes();
  return bytes + ip_adapters.unused_bytes(used);
}

bool Engine::State::drop_unused(const std::vector<const void*>& used) {
  const auto unused = [&](const auto& entry) { return !is_among(used, entry.second.get()); };
  if (previewer && !is_among(used, &*previewer)) return previewer.reset(), true;
  if (std::erase_if(controls, unused) || ip_adapters.drop_unused(used)) return true;
  const auto oldest = std::find_if(models.rbegin(), models.rend(), unused);
  if (oldest == models.rend()) return false;
  models.erase(std::next(oldest).base());
  return true;
}

}  // namespace imagent
