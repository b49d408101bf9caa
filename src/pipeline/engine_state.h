// What an Engine keeps between runs. Private to engine.cpp and generate.cpp.
#pragma once
#include <memory>
#include <vector>

#include "pipeline/embedding_library.h"
#include "pipeline/engine.h"
#include "pipeline/image_prompt.h"
#include "pipeline/loaded_control.h"
#include "pipeline/loaded_model.h"
#include "pipeline/lora_library.h"
#include "pipeline/model_lookup.h"
#include "pipeline/shared_device.h"

namespace imagent {

// What a loaded model was opened with.
struct ModelKey {
  std::filesystem::path path, config;
  std::string prediction;
  DType compute;
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
  template <class Part>
  using Parts = std::vector<std::pair<ModelKey, std::shared_ptr<Part>>>;  // most recently used first
  Parts<LoadedModel> models;
  Parts<LoadedVae> vaes;                             // other ones than the models' own, and tiny ones for previews
  Parts<LoadedControl> controls;
  IpAdapterLibrary ip_adapters;

  // The model from the cache, or opened anew (its parts load on first use). It stays until a run needs its memory. Errors:
  // those of open_model_source(), also that it lacks a VAE that it needs.
  std::shared_ptr<LoadedModel> open_model(ModelKey key, bool needs_vae);
  // The same for an autoencoder. `config`: for one that has none of its own. Errors: those of open_vae().
  std::shared_ptr<LoadedVae> open_other_vae(ModelKey key, const VaeConfig& config);
  // One for each of the request's units, the same one for the same file. Those of the last request stay.
  std::vector<std::shared_ptr<LoadedControl>> open_controls(const Request& request, DType compute);

  // Of all that stayed from earlier runs, what is not among `used`.
  size_t unused_bytes(const std::vector<const void*>& used) const;
  // Drops some of it: autoencoders, controls and IP-Adapters, then the model whose last use is longest ago. false: there is none.
  bool drop_unused(const std::vector<const void*>& used);

 private:
  void forget_vaes();                                // that models which nobody uses still hold
};

}  // namespace imagent
