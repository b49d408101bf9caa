// The picture autoencoder of latent diffusion (Rombach et al. 2022). diffusers autoencoder_kl.py, vae.py: AutoencoderKL.
#pragma once
#include <optional>
#include <vector>

#include "models/autoencoder.h"
#include "nn/resnet.h"

namespace imagent {

struct VaeConfig {
  int norm_num_groups = 32;
  float scaling_factor = 0.18215f;  // latents of the UNet = latents of the VAE * this
  int latent_channels = 4;
  bool tiny = false;                // TAESD (models/taesd.h)

  bool operator==(const VaeConfig&) const = default;
};

// One head over all pixels, with biases and a residual.
struct VaeAttention {
  GroupNorm group_norm;
  Linear to_q, to_k, to_v, to_out;

  VaeAttention(const Weights& w, int groups);
  Tensor operator()(Tensor x) const;  // [N,H,W,C]
};

struct VaeMidBlock {
  std::vector<ResnetBlock2D> resnets;
  std::vector<VaeAttention> attentions;

  VaeMidBlock(const Weights& w, int groups);
  Tensor operator()(Tensor x) const;
};

struct VaeDecoder : VaeNetwork {
  struct UpBlock {
    std::vector<ResnetBlock2D> resnets;
    std::optional<Upsample2D> upsampler;
    UpBlock(const Weights& w, int groups);
  };
  std::optional<Linear> post_quant_conv;
  Conv2d conv_in;
  VaeMidBlock mid_block;
  std::vector<UpBlock> up_blocks;
  GroupNorm conv_norm_out;
  Conv2d conv_out;

  // w: the scope of the whole VAE.
  VaeDecoder(const Weights& w, const VaeConfig& config);
  // latents [N,h,w,4], already divided by scaling_factor -> picture [N,8h,8w,3] in about [-1,1], not clamped
  Tensor operator()(const Tensor& latents) const override;
  std::unique_ptr<VaeNetwork> clone() const override { return std::make_unique<VaeDecoder>(*this); }
  std::vector<GroupNorm*> norms() override;
};

struct VaeEncoder : VaeNetwork {
  struct DownBlock {
    std::vector<ResnetBlock2D> resnets;
    std::optional<Downsample2D> downsampler;
    DownBlock(const Weights& w, int groups);
  };
  Conv2d conv_in;
  std::vector<DownBlock> down_blocks;
  VaeMidBlock mid_block;
  GroupNorm conv_norm_out;
  Conv2d conv_out;
  std::optional<Linear> quant_conv;

  VaeEncoder(const Weights& w, const VaeConfig& config);
  // picture [N,H,W,3] in [-1,1] -> moments [N,H/8,W/8,8]: mean, then log variance (to be clamped to [-30,20])
  Tensor operator()(const Tensor& picture) const override;
  std::unique_ptr<VaeNetwork> clone() const override { return std::make_unique<VaeEncoder>(*this); }
  std::vector<GroupNorm*> norms() override;
};

}  // namespace imagent
