// How much memory a run will need, said before it starts.
#pragma once
#include "pipeline/model_source.h"
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
};

struct MemoryNeed {
  size_t weights = 0;      // packed, all parts
  size_t activations = 0;  // the largest moment of a UNet call or of a decode
  size_t total() const { return weights + activations; }
};

// By building the model on a backend that only counts, and running it once. Errors: model, also when shapes do not fit.
MemoryNeed predict_memory(std::shared_ptr<const ModelSource> source, const RunShape& shape);

// Errors: memory, with the numbers, when `need` is more than `available`.
void check_memory(const MemoryNeed& need, size_t already_loaded, size_t available, const std::string& what);

}  // namespace imagent
