// Residual blocks and changes of size. diffusers resnet.py, downsampling.py, upsampling.py; members carry the checkpoint's names.
#pragma once
#include <optional>

#include "nn/layers.h"

namespace imagent {

struct ResnetBlock2D {
  GroupNorm norm1, norm2;
  Conv2d conv1, conv2;
  std::optional<Linear> time_emb_proj, conv_shortcut;  // a 1x1 convolution over NHWC is a Linear

  ResnetBlock2D(const Weights& w, int groups, float eps);

  // x [N,H,W,Cin]; temb [N,T], through SiLU already, or empty -> [N,H,W,Cout]
  Tensor operator()(Tensor x, const Tensor& temb) const;
};

struct Downsample2D {
  Conv2d conv;

  // The UNet pads all sides by one, the VAE's encoder only right and bottom.
  static constexpr Conv2dParams symmetric{2, 1, 1, 1, 1}, right_bottom{2, 0, 0, 1, 1};
  Downsample2D(const Weights& w, const Conv2dParams& params) : conv(w / "conv", params) {}
  Tensor operator()(const Tensor& x) const { return conv(x); }
};

struct Upsample2D {
  Conv2d conv;

  explicit Upsample2D(const Weights& w) : conv(w / "conv") {}
  // To the given size: that of the next skip connection when the latent's sides do not halve evenly.
  Tensor operator()(const Tensor& x, int64_t height, int64_t width) const { return conv(upsample_nearest(x, height, width)); }
};

}  // namespace imagent
