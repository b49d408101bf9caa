// Autoencoders that come apart from their model: other VAEs, TAESD.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>

#include "models/autoencoder.h"
#include "pipeline/model_source.h"

namespace imagent {

struct VaeSource {
  std::filesystem::path path;
  std::shared_ptr<const Source> weights;   // under diffusers' names
  std::optional<VaeConfig> config = {};    // absent: that of the model's own
};

// A folder with config.json and weights in diffusers' layout (of AutoencoderKL or AutoencoderTiny; or a model's folder that
// holds it as vae/), or a file: a VAE under the original or diffusers' names, a whole model in one file, or TAESD's decoder or
// encoder, the other half of which lies beside it under the same name with "encoder" for "decoder".
// Errors: model, when it is none of these.
VaeSource open_vae(const std::filesystem::path& path);

// `model` with another autoencoder.
std::shared_ptr<const ModelSource> with_vae(std::shared_ptr<const ModelSource> model, VaeSource vae);

// w: the scope of the whole autoencoder.
std::unique_ptr<VaeNetwork> make_vae_decoder(const Weights& w, const VaeConfig& config);
std::unique_ptr<VaeNetwork> make_vae_encoder(const Weights& w, const VaeConfig& config);

}  // namespace imagent
