// The engine: its device, and the models that stay loaded on it.
#include "pipeline/engine.h"

#include <algorithm>

#include "backends.h"
#include "pipeline/engine_state.h"
#include "pipeline/named_files.h"
#include "pipeline/open_run.h"

namespace imagent {

namespace fs = std::filesystem;

Engine::Engine(const EngineOptions& options) : state_(std::make_unique<State>(options.shared_pictures)) {
  state_->backend = make_backend(options.device, {.threads = options.threads, .low_vram = options.low_vram});
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

void Engine::load(const Request& request, const Events& events) {
  const DType compute = compute_dtype(backend(), request);
  const FoundRun found = find_run(*state_, request, events, compute);
  const SharedDevice::Turn alone(state_->device, backend(), events.cancel, "");
  const OpenModels opened = open_models(*state_, found, compute);
  LoadedModel& model = *opened.base;
  const std::vector<const void*> used = {&model, model.other_vae().get()};
  const MemoryNeed need = model.memory_need({.latent_height = 8, .latent_width = 8, .rows = 1, .compute = compute});
  MemoryBudget budget{.backend = *state_->backend, .limit = state_->memory_limit, .loaded = model.packed_bytes(), .unused = state_->unused_bytes(used)};
  make_room(*state_, need, budget, used);
  check_memory(need, budget, model.source()->name());
  model.load();
}

size_t Engine::loaded_bytes() const {
  const SharedDevice::Turn alone(state_->device, *state_->backend, nullptr, "");
  return state_->unused_bytes({});
}

void Engine::unload_models(const Events& events) {
  const SharedDevice::Turn alone(state_->device, backend(), events.cancel, "");
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

// The entry of that key, in front of the others; null when there is none. What lay at the same place before its files were
// written anew is of no use to later runs.
template <class Part>
static std::shared_ptr<Part> take_to_front(Engine::State::Parts<Part>& parts, const ModelKey& key) {
  std::erase_if(parts, [&](const auto& entry) { return entry.first.path == key.path && entry.first.stamp != key.stamp; });
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const auto& entry) { return entry.first == key; });
  if (found == parts.end()) return nullptr;
  std::rotate(parts.begin(), found, found + 1);
  return parts.front().second;
}

std::shared_ptr<LoadedModel> Engine::State::open_model(ModelKey key, bool needs_vae) {
  key.stamp = model_stamp(key.path);
  std::shared_ptr<LoadedModel> model = take_to_front(models, key);
  if (!model) {
    model = std::make_shared<LoadedModel>(open_model_source(key.path, key.config, needs_vae), *backend, key.compute, key.prediction);
    if (key.seamless) model->make_seamless();
    models.insert(models.begin(), {key, model});
  }
  check(!needs_vae || model->source()->has("vae"), ErrorKind::model, key.path.string(), " has no VAE: another one can be named (--vae)");
  return model;
}

std::shared_ptr<LoadedVae> Engine::State::open_other_vae(ModelKey key, const VaeConfig& config) {
  key.stamp = model_stamp(key.path);
  VaeSource source = open_vae(key.path);
  if (!source.config) source.config = config;
  auto vae = take_to_front(vaes, key);
  if (vae && vae->config() == *source.config) return vae;
  std::erase_if(vaes, [&](const auto& entry) { return entry.first == key; });
  vae = std::make_shared<LoadedVae>(std::move(source), *backend, key.compute, key.seamless);
  vaes.insert(vaes.begin(), {key, vae});
  return vae;
}

std::vector<std::shared_ptr<LoadedControl>> Engine::State::open_controls(const Request& request, DType compute) {
  std::vector<std::shared_ptr<LoadedControl>> nets;
  Parts<LoadedControl> used;
  const auto find = [](auto& list, const ModelKey& key) { return std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.first == key; }); };
  for (const ControlUnit& unit : request.controls) {
    const ModelKey key{.path = unit.model, .config = {}, .prediction = {}, .compute = compute, .stamp = model_stamp(unit.model)};
    auto found = find(used, key);
    if (found == used.end()) {
      const auto kept = find(controls, key);
      auto net = kept != controls.end() ? kept->second : std::make_shared<LoadedControl>(open_control(unit.model, size_of(compute) == 2), *backend, compute);
      found = used.insert(used.end(), {key, std::move(net)});
    }
    nets.push_back(found->second);
  }
  if (!used.empty()) controls = std::move(used);
  return nets;
}

static bool is_among(const std::vector<const void*>& used, const void* part) { return std::find(used.begin(), used.end(), part) != used.end(); }

size_t Engine::State::unused_bytes(const std::vector<const void*>& used) const {
  size_t bytes = ip_adapters.unused_bytes(used);
  for (const auto& [key, model] : models) bytes += is_among(used, model.get()) ? model->idle_bytes() : model->own_bytes();
  for (const auto& [key, vae] : vaes) bytes += is_among(used, vae.get()) ? 0 : vae->packed_bytes();
  for (const auto& [key, control] : controls) bytes += is_among(used, control.get()) ? 0 : control->packed_bytes();
  return bytes;
}

void Engine::State::forget_vaes() {
  for (const auto& [key, model] : models)
    if (std::none_of(vaes.begin(), vaes.end(), [&, &model = model](const auto& entry) { return entry.second == model->other_vae(); })) model->use_vae(nullptr);
}

bool Engine::State::drop_unused(const std::vector<const void*>& used) {
  const auto unused = [&](const auto& entry) { return !is_among(used, entry.second.get()); };
  bool idle = false;
  for (const auto& [key, model] : models) {
    idle |= model->idle_bytes() > 0;
    model->drop_idle();
  }
  if (std::erase_if(vaes, unused) > 0) return forget_vaes(), true;
  if (std::erase_if(controls, unused) || ip_adapters.drop_unused(used) || idle) return true;
  const auto oldest = std::find_if(models.rbegin(), models.rend(), unused);
  if (oldest == models.rend()) return false;
  models.erase(std::next(oldest).base());
  return true;
}

}  // namespace imagent
