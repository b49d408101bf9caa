// The tiny autoencoder TAESD (github.com/madebyollin/taesd, taesd.py; diffusers vae.py: EncoderTiny, DecoderTiny). Its latents
// are the UNet's own: no scaling factor. Both networks are lists of layers that the names of the weights tell.
#pragma once
#include <optional>
#include <vector>

#include "models/autoencoder.h"
#include "nn/layers.h"

namespace imagent {

struct TinyBlock {
  Conv2d conv1, conv2, conv3;
  std::optional<Linear> skip;

  explicit TinyBlock(const Weights& w);
  Tensor operator()(const Tensor& x) const;  // [N,H,W,C]
};

// A convolution, or a block. Those that halve or follow a doubling have no bias.
struct TinyLayer {
  std::optional<Conv2d> conv;
  std::optional<TinyBlock> block;
  bool resizes = false;

  TinyLayer(const Weights& w, bool encodes);
};

struct TinyDecoder : VaeNetwork {
  std::vector<TinyLayer> layers;
  Packed to_signed;  // 2x - 1 of each colour

  explicit TinyDecoder(const Weights& w);  // w: the scope of the list of layers
  Tensor operator()(const Tensor& latents) const override;
  std::unique_ptr<VaeNetwork> clone() const override { return std::make_unique<TinyDecoder>(*this); }
};

struct TinyEncoder : VaeNetwork {
  std::vector<TinyLayer> layers;
  Packed to_unit;    // (x + 1) / 2 of each colour

  explicit TinyEncoder(const Weights& w);
  Tensor operator()(const Tensor& picture) const override;
  std::unique_ptr<VaeNetwork> clone() const override { return std::make_unique<TinyEncoder>(*this); }
};

}  // namespace imagent
