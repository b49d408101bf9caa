// CLIP's text encoder. transformers modeling_clip.py.
#include "models/clip.h"

#include <algorithm>
#include <numeric>

namespace imagent {

ClipLayer::ClipLayer(const Weights& w, const ClipLayerConfig& config)
    : layer_norm1(w / "layer_norm1", config.layer_norm_eps),
      layer_norm2(w / "layer_norm2", config.layer_norm_eps),
      q_proj(w / "self_attn" / "q_proj"),
      k_proj(w / "self_attn" / "k_proj"),
      v_proj(w / "self_attn" / "v_proj"),
      out_proj(w / "self_attn" / "out_proj"),
      fc1(w / "mlp" / "fc1"),
      fc2(w / "mlp" / "fc2"),
      config(config) {}

Tensor ClipLayer::operator()(Tensor x) const {
  Tensor y = layer_norm1(x);
  x = out_proj(attention(q_proj(y), k_proj(y), v_proj(y), config.heads, config.causal), std::move(x));
  y = fc1(layer_norm2(x), config.act);
  return fc2(y, std::move(x));
}

ClipTextModel::ClipTextModel(const Weights& w, const ClipTextConfig& config)
    : config(config),
      token_embedding(w / "text_model" / "embeddings" / "token_embedding"),
      position_embedding(w / "text_model" / "embeddings" / "position_embedding"),
      layers((w / "text_model" / "encoder").list<ClipLayer>("layers", ClipLayerConfig{config.heads, config.act, config.layer_norm_eps, /*causal=*/true})),
      final_layer_norm(w / "text_model" / "final_layer_norm", config.layer_norm_eps),
      text_projection(w.maybe<Linear>("text_projection")) {}

// Where the pooled vector is taken. With the legacy end id 2 of old configurations: the first largest id.
static int64_t pooled_position(std::span<const int32_t> ids, int eos_token_id) {
  if (eos_token_id == 2) return std::max_element(ids.begin(), ids.end()) - ids.begin();
  const auto found = std::find(ids.begin(), ids.end(), eos_token_id);
  return found == ids.end() ? 0 : found - ids.begin();
}

// Token embeddings [1,T,C] with the learned ones in their places.
static Tensor with_learned(const Tensor& tokens, std::span<const LearnedRows> learned) {
  if (learned.empty()) return tokens;
  const int64_t width = tokens.dim(2);
  std::vector<float> values = download(tokens);
  for (const LearnedRows& rows : learned) {
    const int64_t from = rows.row * width, size = static_cast<int64_t>(rows.values.size());
    check(rows.row >= 0 && size % width == 0 && from + size <= tokens.numel(), "text encoder: learned vectors do not fit the text");
    std::copy(rows.values.begin(), rows.values.end(), values.begin() + from);
  }
  return cast(upload(tokens.backend(), tokens.shape(), values), tokens.dtype());
}

ClipTextOutput ClipTextModel::operator()(std::span<const int32_t> ids, std::span<const LearnedRows> learned) const {
  const auto tokens = static_cast<int64_t>(ids.size());
  check(tokens > 0 && tokens <= position_embedding.table.in, "text encoder: ", tokens, " tokens, at most ", position_embedding.table.in, " are possible");
  Backend& backend = final_layer_norm.params.gamma.backend();
  std::vector<int32_t> positions(ids.size());
  std::iota(positions.begin(), positions.end(), 0);
  const Shape shape{1, tokens, width()};

  ClipTextOutput out;
  Tensor x = with_learned(embed(backend, ids, token_embedding.table, shape), learned) + embed(backend, positions, position_embedding.table, shape);
  out.hidden_states.push_back(x);
  for (const ClipLayer& layer : layers) {
    x = layer(std::move(x));
    out.hidden_states.push_back(x);
  }
  out.last_hidden_state = final_layer_norm(x);  // [1,T,C]
  const int64_t end = pooled_position(ids, config.eos_token_id);
  out.pooled = out.last_hidden_state.reshape({tokens, width()}).rows(end, end + 1);  // [1,C]
  if (text_projection) out.text_embeds = (*text_projection)(out.pooled);
  return out;
}

}  // namespace imagent
