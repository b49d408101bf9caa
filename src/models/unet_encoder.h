// The way down and the middle of the denoising network, which a ControlNet has too (Rombach et al. 2022).
// diffusers unet_2d_condition.py, unet_2d_blocks.py; members carry the checkpoint's names.
#pragma once
#include <optional>
#include <vector>

#include "models/freeu.h"
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
  std::vector<ImageKeys> images;     // IP-Adapters
  FreeU freeu;
};

struct UNetBlock {
  std::vector<ResnetBlock2D> resnets;
  std::vector<SpatialTransformer> attentions;  // none, or one a resnet
  std::optional<Downsample2D> downsampler;
  std::optional<Upsample2D> upsampler;

  UNetBlock(const Weights& w, const UNetConfig& config, int heads);
  Tensor layer(size_t i, Tensor x, const Tensor& temb, const Context& context) const;  // resnet i, then its attention
};

// The blocks below `w`; an up block sees the levels from the innermost outwards.
std::vector<UNetBlock> unet_blocks(const Weights& w, const UNetConfig& config, bool upwards);

struct UNetMidBlock {
  std::vector<ResnetBlock2D> resnets;          // one more than attentions
  std::vector<SpatialTransformer> attentions;

  UNetMidBlock(const Weights& w, const UNetConfig& config, int heads);
  Tensor operator()(Tensor x, const Tensor& temb, const Context& context) const;
};

struct TimestepEmbedding {
  Linear linear_1, linear_2;
  std::optional<Linear> cond_proj;

  explicit TimestepEmbedding(const Weights& w);
  // x [N,W], cond [N,G] or empty -> [N,T]
  Tensor operator()(Tensor x, const Tensor& cond = {}) const;
};

struct UNetEncoder {
  UNetConfig config;
  Conv2d conv_in;
  TimestepEmbedding time_embedding;
  std::optional<TimestepEmbedding> add_embedding;
  std::vector<UNetBlock> down_blocks;
  std::optional<UNetMidBlock> mid_block;
  int64_t guidance_width = 0;        // LCM: width of the embedded guidance scale, else 0

  UNetEncoder(const Weights& w, const UNetConfig& config);

  Tensor embed_time(const Tensor& sample, const UNetConditions& conditions) const;  // [N,T], through SiLU

  // x [N,h,w,C] behind conv_in -> every output on the way down, outermost first: x, each layer's, each downsampler's.
  // A T2I-Adapter's maps are added to the ends of the levels as the next level sees them: level_shapes().
  std::vector<Tensor> down(Tensor x, const Tensor& temb, const Context& context, std::span<const Tensor> maps = {}) const;
  Tensor mid(Tensor x, const Tensor& temb, const Context& context) const;           // x itself where there is no middle block

  // [h,w,C] of what a T2I-Adapter's map is added to: one a block on the way down, then the middle's.
  std::vector<Shape> level_shapes(int64_t latent_height, int64_t latent_width) const;

  int64_t in_channels() const { return conv_in.packed.in; }
  int64_t context_width() const;     // channels of the text's hidden states
};

}  // namespace imagent
