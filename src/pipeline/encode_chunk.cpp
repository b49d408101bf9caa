// Text encoders behind their cache.
#include "pipeline/encode_chunk.h"

#include <algorithm>

namespace imagent {
namespace {

ChunkKey key_of(LoadedModel& model, size_t encoder, const Chunk& chunk, int clip_skip) {
  ChunkKey key{.encoder = encoder, .clip_skip = std::max(clip_skip, 1), .ids = {chunk.ids.begin(), chunk.ids.end()}, .rows = {}, .words = {},
               .loras = model.loras_of_text_encoder(encoder)};
  for (const Chunk::Embedding& word : chunk.embeddings) {
    key.rows.push_back(word.row);
    for (const auto& embedding : model.embeddings())
      if (embedding->name == word.name) key.words.push_back(embedding);
  }
  return key;
}

// A1111's count: 1 is the last layer. SDXL starts one layer earlier and leaves out the final norm.
EncodedChunk run(LoadedModel& model, size_t index, const Chunk& chunk, int clip_skip) {
  const ClipTextModel& encoder = model.text_encoders()[index];
  std::vector<LearnedRows> learned;
  for (const Chunk::Embedding& word : chunk.embeddings) learned.push_back({word.row, model.learned_vectors(index, word.name).values});
  const ClipTextOutput out = encoder(chunk.ids, learned);
  const bool early = model.penultimate_states();
  const auto from_end = static_cast<size_t>(std::max(clip_skip, 1) + (early ? 1 : 0));
  check(from_end < out.hidden_states.size(), ErrorKind::usage, "clip skip ", clip_skip, ": this text encoder has only ", encoder.layers.size(), " layers");
  const Tensor& hidden = out.hidden_states[out.hidden_states.size() - from_end];
  return {download(early ? hidden : encoder.final_layer_norm(hidden)), out.text_embeds ? download(out.text_embeds) : std::vector<float>()};
}

}  // namespace

std::shared_ptr<const EncodedChunk> encode_chunk(LoadedModel& model, size_t encoder, const Chunk& chunk, int clip_skip) {
  return model.texts().get(
      key_of(model, encoder, chunk, clip_skip), [&] { return run(model, encoder, chunk, clip_skip); },
      [](const EncodedChunk& made) { return (made.states.size() + made.pooled.size()) * sizeof(float); });
}

}  // namespace imagent
