// Loading the halves of an autoencoder.
#include "pipeline/loaded_vae.h"

namespace imagent {

std::unique_ptr<VaeNetwork> LoadedVae::load(Make make, const std::vector<std::string>& unneeded) {
  Weights weights(source_.weights, backend_, compute_);
  if (seamless_) weights.wrap_convolutions();
  auto network = make(weights, config());
  weights.finish(unneeded);
  packed_bytes_ += weights.packed_bytes();
  return network;
}

const VaeNetwork& LoadedVae::decoder() {
  if (!decoder_) decoder_ = load(make_vae_decoder, {"encoder.", "quant_conv."});
  return *decoder_;
}

const VaeNetwork& LoadedVae::encoder() {
  if (!encoder_) encoder_ = load(make_vae_encoder, {"decoder.", "post_quant_conv."});
  return *encoder_;
}

const LatentPreview& LoadedVae::latent_preview() {
  if (!latent_preview_) latent_preview_.emplace(picture_decoder(0));
  return *latent_preview_;
}

}  // namespace imagent
