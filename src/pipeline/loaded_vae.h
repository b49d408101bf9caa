// An autoencoder in use: a model's own, another one that several models may share, or a tiny one for previews. Its halves load
// on first use.
#pragma once
#include "pipeline/model_caches.h"
#include "pipeline/preview.h"
#include "pipeline/vae_source.h"

namespace imagent {

class LoadedVae {
 public:
  // `source` says its configuration. `seamless`: pictures go on at their other sides.
  LoadedVae(VaeSource source, Backend& backend, DType compute, bool seamless = false)
      : source_(std::move(source)), backend_(backend), compute_(compute), seamless_(seamless) {}

  const VaeSource& source() const { return source_; }
  const VaeConfig& config() const { return *source_.config; }
  const VaeNetwork& decoder();
  const VaeNetwork& encoder();                           // only where a picture is an input
  const LatentPreview& latent_preview();
  PictureDecoder picture_decoder(int tile) { return {decoder(), config(), backend_, compute_, tile, seamless_}; }
  size_t packed_bytes() const { return packed_bytes_; }

  PictureCache& pictures() { return pictures_; }         // that its encoder has seen

 private:
  using Make = std::unique_ptr<VaeNetwork> (*)(const Weights& w, const VaeConfig& config);
  std::unique_ptr<VaeNetwork> load(Make make, const std::vector<std::string>& unneeded);

  VaeSource source_;
  Backend& backend_;
  DType compute_;
  bool seamless_;
  std::unique_ptr<VaeNetwork> decoder_, encoder_;
  std::optional<LatentPreview> latent_preview_;
  PictureCache pictures_{64, size_t{32} << 20};
  size_t packed_bytes_ = 0;
};

}  // namespace imagent
