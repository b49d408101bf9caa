// Prompts of any length as windows of 77 tokens.
#include "text/chunks.h"

#include <algorithm>
#include <utility>

namespace imagent {
namespace {

constexpr size_t chunk_length = ClipTokenizer::max_length - 2;
constexpr size_t comma_backtrack = 20;

struct Token {
  int id;
  double weight;
};

// Adds start, end and padding. The encoders of SD 2 and SDXL want another token than the end as padding; A1111 and
// transformers put it behind the first end token.
Chunk finish(const ClipTokenizer& tokenizer, std::span<const Token> tokens, std::vector<Chunk::Embedding> embeddings) {
  Chunk chunk;
  chunk.ids.fill(tokenizer.end_id());
  chunk.weights.fill(1.0);
  chunk.ids[0] = tokenizer.start_id();
  for (size_t i = 0; i < tokens.size(); ++i) {
    chunk.ids[i + 1] = tokens[i].id;
    chunk.weights[i + 1] = tokens[i].weight;
  }
  const auto first_end = std::find(chunk.ids.begin(), chunk.ids.end(), tokenizer.end_id());
  if (first_end != chunk.ids.end()) std::fill(first_end + 1, chunk.ids.end(), tokenizer.pad_id());
  chunk.embeddings = std::move(embeddings);
  return chunk;
}

class Chunker {
 public:
  Chunker(const ClipTokenizer& tokenizer, const EmbeddingNames& embeddings)
      : tokenizer_(tokenizer), embeddings_(embeddings), comma_(tokenizer.id_of(",</w>")) {}

  ChunkedPrompt chunk(std::span<const WeightedText> runs) {
    for (const WeightedText& run : runs) {
      if (run.is_break())
        next_chunk(chunk_length);
      else
        add_run(tokenizer_.encode(run.text), run.weight);
    }
    if (!tokens_.empty() || out_.chunks.empty()) next_chunk(tokens_.size());
    return std::move(out_);
  }

 private:
  void add_run(std::span<const int> ids, double weight) {
    while (!ids.empty()) {
      if (ids[0] == comma_)
        after_comma_ = tokens_.size() + 1;
      else if (tokens_.size() == chunk_length && after_comma_ > 0 && tokens_.size() + 1 - after_comma_ <= comma_backtrack)
        move_tail();
      if (tokens_.size() == chunk_length) next_chunk(chunk_length);

      const EmbeddingNames::Match match = embeddings_.find(ids);
      if (!match.embedding) {
        tokens_.push_back({ids[0], weight});
        ids = ids.subspan(1);
        continue;
      }
      const auto vectors = static_cast<size_t>(match.embedding->vectors);
      if (tokens_.size() + vectors > chunk_length) next_chunk(chunk_length);
      marks_.push_back({static_cast<int>(tokens_.size()) + 1, match.embedding->name, match.embedding->vectors});
      tokens_.insert(tokens_.end(), vectors, Token{0, weight});
      ids = ids.subspan(match.tokens);
    }
  }

  // Ends the chunk after its last comma; what follows, embeddings included, starts the next one.
  void move_tail() {
    const size_t begin = after_comma_;
    const std::vector<Token> tail(tokens_.begin() + static_cast<std::ptrdiff_t>(begin), tokens_.end());
    const auto first_moved = std::find_if(marks_.begin(), marks_.end(), [&](const auto& mark) { return static_cast<size_t>(mark.row) > begin; });
    std::vector<Chunk::Embedding> moved(first_moved, marks_.end());
    marks_.erase(first_moved, marks_.end());
    for (Chunk::Embedding& mark : moved) mark.row -= static_cast<int>(begin);
    tokens_.resize(begin);
    next_chunk(chunk_length);
    tokens_ = tail;
    marks_ = std::move(moved);
  }

  void next_chunk(size_t counted) {
    out_.token_count += counted;
    out_.chunks.push_back(finish(tokenizer_, tokens_, std::exchange(marks_, {})));
    tokens_.clear();
    after_comma_ = 0;
  }

  const ClipTokenizer& tokenizer_;
  const EmbeddingNames& embeddings_;
  const int comma_;
  std::vector<Token> tokens_;
  std::vector<Chunk::Embedding> marks_;
  size_t after_comma_ = 0;  // tokens up to and with the last comma of this chunk, 0 without one
  ChunkedPrompt out_;
};

}  // namespace

ChunkedPrompt chunk_prompt(const ClipTokenizer& tokenizer, std::span<const WeightedText> runs, const EmbeddingNames& embeddings) {
  return Chunker(tokenizer, embeddings).chunk(runs);
}

Chunk truncated_chunk(const ClipTokenizer& tokenizer, std::string_view text) {
  std::vector<Token> tokens;
  for (const int id : tokenizer.encode(text)) {
    if (tokens.size() == chunk_length) break;
    tokens.push_back({id, 1.0});
  }
  Chunk chunk = finish(tokenizer, tokens, {});
  // Here padding starts behind the whole text, even when that contains an end token of its own.
  for (size_t i = 0; i < tokens.size(); ++i) chunk.ids[i + 1] = tokens[i].id;
  chunk.ids[tokens.size() + 1] = tokenizer.end_id();
  return chunk;
}

Chunk empty_chunk(const ClipTokenizer& tokenizer) { return finish(tokenizer, {}, {}); }

}  // namespace imagent
