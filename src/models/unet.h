// The denoising network of latent diffusion (Rombach et al. 2022). diffusers unet_2d_condition.py: UNet2DConditionModel.
#pragma once
#include <optional>
#include <vector>

#include "nn/resnet.h"
#include "nn/transformer.h"

namespace imagent {

// What the weights cannot tell.
struct UNetConfig {
  std::vector<int> heads;            // per level, outermost first (config.json calls it attention_head_dim)
  int norm_num_groups = 32;
  float norm_eps = 1e-5f;
  bool flip_sin_to_cos = true;
  float freq_shift = 0;
  int addition_time_embed_dim = 0;   // SDXL: width of each embedded size or crop number
  int sample_size = 64;              // side of the latents it was trained on
};

struct UNetConditions {
  Tensor context;                    // [N,T,D] hidden states of the text
  std::vector<float> timesteps;      // [N]
  Tensor text_embeds;                // [N,P] pooled text, SDXL; empty otherwise
  std::vector<float> time_ids;       // [N,6] or refiner [N,5], SDXL; empty otherwise
  std::vector<float> guidance;       // [N,G] embedded guidance scale, LCM; empty otherwise
};

struct UNetBlock {
  std::vector<ResnetBlock2D> resnets;
  std::vector<SpatialTransformer> attentions;  // none, or one a resnet
  std::optional<Downsample2D> downsampler;
  std::optional<Upsample2D> upsampler;

  UNetBlock(const Weights& w, const UNetConfig& config, int heads);
};

struct UNetMidBlock {
  std::vector<ResnetBlock2D> resnets;          // one more than attentions
  std::vector<SpatialTransformer> attentions;

  UNetMidBlock(const Weights& w, const UNetConfig& config, int heads);
  Tensor operator()(Tensor x, const Tensor& temb, const Tensor& context) const;
};

struct TimestepEmbedding {
  Linear linear_1, linear_2;
  std::optional<Linear> cond_proj;

  explicit TimestepEmbedding(const Weights& w);
  // x [N,W], cond [N,G] or empty -> [N,T]
  Tensor operator()(Tensor x, const Tensor& cond = {}) const;
};

struct UNet2DConditionModel {
  UNetConfig config;
  Conv2d conv_in;
  TimestepEmbedding time_embedding;
  std::optional<TimestepEmbedding> add_embedding;
  std::vector<UNetBlock> down_blocks;
  std::optional<UNetMidBlock> mid_block;
  std::vector<UNetBlock> up_blocks;
  GroupNorm conv_norm_out;
  Conv2d conv_out;
  int64_t guidance_width = 0;        // LCM: width of the embedded guidance scale, else 0

  UNet2DConditionModel(const Weights& w, const UNetConfig& config);

  // sample [N,h,w,Cin] in the compute dtype -> [N,h,w,Cout]: eps, v or x0, as it was trained.
  Tensor operator()(const Tensor& sample, const UNetConditions& conditions) const;

  int64_t in_channels() const { return conv_in.packed.in; }
  int64_t context_width() const;  // channels of the text's hidden states
  Backend& backend() const { return conv_norm_out.params.gamma.backend(); }

  // Conditions of the right shapes, for measuring time or memory.
  UNetConditions blank_conditions(int64_t rows, int64_t tokens) const;

 private:
  Tensor embed_time(const Tensor& sample, const UNetConditions& conditions) const;  // [N,T], through SiLU
};

}  // namespace imagent
