// How much memory a run will need, said before it starts.
#pragma once
#include <optional>
#include <vector>

#include "pipeline/loaded_control.h"
#include "pipeline/loaded_ip_adapter.h"
#include "pipeline/model_source.h"
#include "pipeline/vae_source.h"
#include "tensor/backend.h"

namespace imagent {

struct RunShape {
  int latent_height = 64, latent_width = 64;
  int rows = 2;         // of one picture in a UNet call: with guidance two (editing models: one more, added here)
  int64_t tokens = 77;
  DType compute = DType::f32;
  int pictures = 1;     // of one UNet call
  int vae_tile = 0;     // latents: side of the tiles that the VAE works on, 0: the whole picture
  int picture_height = 0, picture_width = 0;  // pixels of a picture that is encoded, 0: none
  std::vector<const LoadedControl*> controls = {};  // one a unit: the same one may stand there twice
  std::vector<const LoadedIpAdapter*> ip_adapters = {};  // the same
  const VaeSource* previewer = nullptr;       // a tiny autoencoder that decodes previews
  bool previews_by_vae = false;               // or the model's own does

  bool operator==(const RunShape&) const = default;
};

struct MemoryNeed {
  size_t weights = 0;      // packed, all parts
  size_t activations = 0;  // the largest moment of a UNet call or of a decode
  size_t total() const { return weights + activations; }
};

// Pictures so small are decoded several at a time, each by a part of the device.
inline bool decodes_side_by_side(int latent_height, int latent_width) { return latent_height * latent_width <= 16 * 16; }

// By building the model on a backend that only counts, and running it once; on `device` weights may take less than elsewhere.
// Errors: model, also when shapes do not fit.
MemoryNeed predict_memory(std::shared_ptr<const ModelSource> source, const RunShape& shape, const Backend* device = nullptr);

// What a run may take of a device. The whole need has to keep within a limit; of what the device has left only that which is
// not loaded yet will be taken.
struct MemoryBudget {
  const Backend& backend;
  size_t limit = 0;       // bytes; 0: what the device has
  size_t loaded = 0;      // weights of this run that are loaded already
  size_t unused = 0;      // and those of earlier runs, which count towards the limit as well
  mutable std::optional<size_t> seen = {};  // what available() found: to be reset when memory was given back

  size_t wanted(const MemoryNeed& need) const;
  size_t available() const;  // asks the system once: that takes as long as a small model's op
};

// Errors: memory, with the numbers, when the budget does not allow for `need`.
void check_memory(const MemoryNeed& need, const MemoryBudget& budget, const std::string& what);

}  // namespace imagent
