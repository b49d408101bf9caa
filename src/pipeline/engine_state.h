// What an Engine keeps between runs. Private to engine.cpp and generate.cpp.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "pipeline/embedding_library.h"
#include "pipeline/engine.h"
#include "pipeline/loaded_model.h"
#include "pipeline/lora_library.h"
#include "pipeline/model_lookup.h"

namespace imagent {

// What a loaded model was opened with.
struct ModelKey {
  std::filesystem::path path, config;
  std::string prediction;
  DType compute;
  std::filesystem::path vae = {};                    // "": the model's own
  bool seamless = false;

  bool operator==(const ModelKey&) const = default;
};

// A tiny autoencoder that previews use.
struct LoadedPreviewer {
  std::filesystem::path path;
  DType compute;
  VaeConfig config;
  std::unique_ptr<VaeNetwork> network;
};

struct Engine::State {
  std::shared_ptr<Backend> backend;
  ModelLookup lookup;
  size_t memory_limit = 0;                           // bytes, 0: what the machine has
  LoraLibrary loras;
  EmbeddingLibrary embeddings;
  std::mutex running;                                // one run at a time: a run uses the whole machine
  std::vector<std::pair<ModelKey, std::unique_ptr<LoadedModel>>> models;  // most recently used first

  std::optional<LoadedPreviewer> previewer;

  // Errors: model, also when the file is no tiny autoencoder.
  const LoadedPreviewer& open_previewer(const std::filesystem::path& path, DType compute);
  // The model from the cache, or opened anew (its parts load on first use). Two stay: a base and its refiner.
  LoadedModel& open_model(const ModelKey& key);
};

}  // namespace imagent
