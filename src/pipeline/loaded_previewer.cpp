// Opening and loading TAESD's decoder.
#include "pipeline/loaded_previewer.h"

#include "pipeline/tiled_vae.h"

namespace imagent {

LoadedPreviewer::LoadedPreviewer(VaeSource source, Backend& backend, DType compute) : source_(std::move(source)), backend_(backend), compute_(compute) {
  check(source_.config && source_.config->tiny, ErrorKind::model, source_.path.string(), " is no tiny autoencoder (TAESD)");
}

PictureDecoder LoadedPreviewer::decoder() {
  if (!network_) {
    const Weights weights(source_.weights, backend_, compute_);
    auto network = make_vae_decoder(weights, *source_.config);
    weights.finish({"encoder."});
    packed_bytes_ = weights.packed_bytes();
    network_ = std::move(network);
  }
  return {*network_, *source_.config, backend_, compute_, vae_tile_sides[0]};
}

}  // namespace imagent
