// Prompting with pictures (Ye et al. 2023, "IP-Adapter"): what an image encoder saw becomes tokens, and every cross attention
// of the UNet gets its own keys and values for them. Members carry the names of the published files (github.com/tencent-ailab/
// IP-Adapter); diffusers embeddings.py: ImageProjection, IPAdapterFullImageProjection, IPAdapterPlusImageProjection.
#pragma once
#include <variant>
#include <vector>

#include "nn/layers.h"

namespace imagent {

// Out of the picture's embedding: four tokens.
struct ImageProjection {
  Linear proj;
  LayerNorm norm;

  explicit ImageProjection(const Weights& w) : proj(w / "proj"), norm(w / "norm") {}
  Tensor operator()(const Tensor& image_embeds) const;  // [1,P] -> [1,4,D]
};

// Out of the encoder's hidden states: as many tokens.
struct FullImageProjection {
  Linear proj_0, proj_2;
  LayerNorm proj_3;

  explicit FullImageProjection(const Weights& w) : proj_0(w / "proj" / 0), proj_2(w / "proj" / 2), proj_3(w / "proj" / 3) {}
  Tensor operator()(const Tensor& states) const;        // [1,T,C] -> [1,T,D]
};

struct PerceiverBlock {
  LayerNorm norm1, norm2;
  Linear to_q, to_k, to_v, to_out;                      // the file's to_kv in two
  LayerNorm ff_norm;
  Linear ff_in, ff_out;

  explicit PerceiverBlock(const Weights& w);
  Tensor operator()(const Tensor& x, Tensor latents) const;
};

// Out of the encoder's hidden states: learned queries (Alayrac et al. 2022, "Flamingo": the perceiver resampler).
struct Resampler {
  Tensor latents;                                       // [1,Q,C] f32
  Linear proj_in, proj_out;
  LayerNorm norm_out;
  std::vector<PerceiverBlock> layers;

  explicit Resampler(const Weights& w);
  Tensor operator()(const Tensor& states) const;        // [1,T,C'] -> [1,Q,D]
};

struct ImageAttention {
  Linear to_k_ip, to_v_ip;

  explicit ImageAttention(const Weights& w) : to_k_ip(w / "to_k_ip"), to_v_ip(w / "to_v_ip") {}
};

struct IpAdapter {
  std::variant<ImageProjection, FullImageProjection, Resampler> image_proj;
  std::vector<ImageAttention> ip_adapter;               // in the order of UNet2DConditionModel::cross_attentions()

  explicit IpAdapter(const Weights& w);

  // What it makes tokens of: the encoder's hidden states, or else the picture's embedding.
  bool reads_states() const { return !std::holds_alternative<ImageProjection>(image_proj); }
  Tensor tokens(const Tensor& seen) const;              // [1,T,C] or [1,P] -> [1,S,D]
};

}  // namespace imagent
