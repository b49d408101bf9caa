// Prompts of any length as windows of 77 tokens. Grammar: A1111 modules/sd_hijack_clip.py; truncation: diffusers.
#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/attention.h"
#include "text/embedding_names.h"
#include "text/tokenizer.h"

namespace imagent {

struct Chunk {
  struct Embedding {
    int row;           // its first vector replaces the token embedding of ids[row], the next ones those that follow
    std::string name;
    int vectors;
  };
  std::array<int, ClipTokenizer::max_length> ids;         // start, up to 75 tokens, end, padding
  std::array<double, ClipTokenizer::max_length> weights;  // 1 for start, end and padding
  std::vector<Embedding> embeddings;                      // by row; ids are 0 under their vectors
};

struct ChunkedPrompt {
  std::vector<Chunk> chunks;  // never empty
  size_t token_count = 0;     // as A1111 counts: 75 for every chunk but the last
};

// Chunks of 75 tokens. The tail after a comma among the last 20 moves to the next chunk, BREAK ends a chunk, the
// vectors of an embedding stay together. Errors: usage (not UTF-8).
ChunkedPrompt chunk_prompt(const ClipTokenizer& tokenizer, std::span<const WeightedText> runs, const EmbeddingNames& embeddings = {});

// What diffusers encodes: plain text, cut after 75 tokens.
Chunk truncated_chunk(const ClipTokenizer& tokenizer, std::string_view text);

Chunk empty_chunk(const ClipTokenizer& tokenizer);

}  // namespace imagent
