// A tiny autoencoder for previews; its network loads on first use.
#pragma once
#include "pipeline/preview.h"
#include "pipeline/vae_source.h"

namespace imagent {

class LoadedPreviewer {
 public:
  // Errors: model, when it is no tiny autoencoder.
  LoadedPreviewer(VaeSource source, Backend& backend, DType compute);

  const VaeSource& source() const { return source_; }
  DType compute() const { return compute_; }
  PictureDecoder decoder();
  size_t packed_bytes() const { return packed_bytes_; }

 private:
  VaeSource source_;
  Backend& backend_;
  DType compute_;
  std::unique_ptr<VaeNetwork> network_;
  size_t packed_bytes_ = 0;
};

}  // namespace imagent
