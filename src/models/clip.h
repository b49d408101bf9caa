// CLIP's text encoder (Radford et al. 2021). transformers modeling_clip.py: CLIPTextTransformer; members carry its names.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "nn/layers.h"

namespace imagent {

struct ClipLayerConfig {
  int heads;
  Act act;
  float layer_norm_eps;
  bool causal;           // text: a token sees those before it
};

struct ClipTextConfig {
  int heads = 12;
  Act act = Act::quick_gelu;
  float layer_norm_eps = 1e-5f;
  int eos_token_id = 2;  // 2 is legacy: the pooled token is then the one with the highest id
};

struct ClipLayer {
  LayerNorm layer_norm1, layer_norm2;
  Linear q_proj, k_proj, v_proj, out_proj, fc1, fc2;
  ClipLayerConfig config;

  ClipLayer(const Weights& w, const ClipLayerConfig& config);
  Tensor operator()(Tensor x) const;  // [N,T,C] -> [N,T,C]
};

struct ClipTextOutput {
  std::vector<Tensor> hidden_states;  // [1,T,C] each: 0 = embeddings, i = after layer i; no final norm
  Tensor last_hidden_state;           // [1,T,C] after the final norm
  Tensor pooled;                      // [1,C] of last_hidden_state at the end token
  Tensor text_embeds;                 // [1,P] projected; empty without text_projection
};

// Learned vectors [n,C] (textual inversion) that stand in place of the embeddings of the tokens from `row` on.
struct LearnedRows {
  int64_t row = 0;
  std::span<const float> values;
};

struct ClipTextModel {
  ClipTextConfig config;
  Embedding token_embedding, position_embedding;
  std::vector<ClipLayer> layers;
  LayerNorm final_layer_norm;
  std::optional<Linear> text_projection;

  ClipTextModel(const Weights& w, const ClipTextConfig& config);

  // ids: one text of at most position_embedding's length.
  ClipTextOutput operator()(std::span<const int32_t> ids, std::span<const LearnedRows> learned = {}) const;
  int64_t width() const { return token_embedding.table.out; }
};

}  // namespace imagent
