// What an Engine keeps between runs. Private to engine.cpp and generate.cpp.
#pragma once
#include <memory>
#include <vector>

#include "pipeline/embedding_library.h"
#include "pipeline/engine.h"
#include "pipeline/image_prompt.h"
#include "pipeline/loaded_control.h"
#include "pipeline/loaded_model.h"
#include "pipeline/loaded_previewer.h"
#include "pipeline/lora_library.h"
#include "pipeline/model_lookup.h"
#include "pipeline/shared_device.h"

namespace imagent {

// What a loaded model was opened with.
struct ModelKey {
  std::filesystem::path path, config;
  std::string prediction;
  DType compute;
  std::filesystem::path vae = {};                    // "": the model's own
  bool seamless = false;
  std::string stamp = {};                            // of the files: those that lie there now may be others

  bool operator==(const ModelKey&) const = default;
};

struct Engine::State {
  explicit State(int shared_pictures) : device(shared_pictures) {}

  std::shared_ptr<Backend> backend;
  ModelLookup lookup;
  size_t memory_limit = 0;                           // bytes, 0: what the machine has
  LoraLibrary loras;
  EmbeddingLibrary embeddings;
  std::filesystem::path upscalers_dir;
  bool names_parts = true;                           // requests may name parts of the hub
  SharedDevice device;                               // everything below belongs to the run whose turn it is
  std::vector<std::pair<ModelKey, std::unique_ptr<LoadedModel>>> models;  // most recently used first

  std::optional<LoadedPreviewer> previewer;
  std::vector<std::pair<ModelKey, std::unique_ptr<LoadedControl>>> controls;
  IpAdapterLibrary ip_adapters;

  // Errors: those of LoadedPreviewer.
  LoadedPreviewer& open_previewer(const std::filesystem::path& path, DType compute);
  // The model from the cache, or opened anew (its parts load on first use). It stays until a run needs its memory.
  LoadedModel& open_model(ModelKey key);
  // One for each of the request's units, the same one for the same file. Those of the last request stay.
  std::vector<LoadedControl*> open_controls(const Request& request, DType compute);

  // Of the models, controls, IP-Adapters and the previewer that stayed from earlier runs, those that are not among `used`.
  size_t unused_bytes(const std::vector<const void*>& used) const;
  // Drops some of them: the previewer, controls and IP-Adapters, then the model whose last use is longest ago. false: there is none.
  bool drop_unused(const std::vector<const void*>& used);
};

}  // namespace imagent
