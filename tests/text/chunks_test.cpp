// Chunks against A1111's and diffusers' (tests/golden/text), and emphasis on hidden states.
#include "text/chunks.h"

#include <map>

#include "base/error.h"
#include "text/clip_vocabulary.h"
#include "text/emphasis.h"

namespace imagent::test {
namespace {

std::vector<int> ids_of(const Chunk& chunk) { return {chunk.ids.begin(), chunk.ids.end()}; }

void expect_chunks(const ChunkedPrompt& ours, const nlohmann::json& row) {
  const std::string place = row.at("prompt").get<std::string>();
  EXPECT_EQ(ours.token_count, row.at("token_count").get<size_t>()) << place;
  ASSERT_EQ(ours.chunks.size(), row.at("chunks").size()) << place;
  for (size_t i = 0; i < ours.chunks.size(); ++i) {
    const Chunk& chunk = ours.chunks[i];
    const auto& wanted = row["chunks"][i];
    EXPECT_EQ(ids_of(chunk), wanted["tokens"].get<std::vector<int>>()) << place;
    const auto weights = wanted["multipliers"].get<std::vector<double>>();
    ASSERT_EQ(weights.size(), chunk.weights.size());
    for (size_t t = 0; t < weights.size(); ++t) EXPECT_NEAR(chunk.weights[t], weights[t], 1e-12 * std::abs(weights[t])) << place << " token " << t;
    ASSERT_EQ(chunk.embeddings.size(), wanted["fixes"].size()) << place;
    for (size_t e = 0; e < chunk.embeddings.size(); ++e) {
      EXPECT_EQ(chunk.embeddings[e].row, wanted["fixes"][e]["offset"].get<int>() + 1) << place;
      EXPECT_EQ(chunk.embeddings[e].name, wanted["fixes"][e]["embedding"].get<std::string>()) << place;
    }
  }
}

TEST(Chunks, AreThoseOfA1111) {
  const auto rows = read_jsonl(golden("text/chunks.jsonl"));
  ASSERT_GE(rows.size(), 30u);
  for (const auto& row : rows) expect_chunks(chunk_prompt(tokenizer_l(), parse_attention(row.at("prompt").get<std::string>())), row);
}

TEST(Chunks, PlaceEmbeddingsAsA1111) {
  const ClipTokenizer tokenizer = ClipTokenizer::from_folder(golden("models/sd15/tokenizer"));
  const EmbeddingNames embeddings(tokenizer, {{"toy-one", 1}, {"toy-three", 3}});
  for (const auto& row : read_jsonl(golden("text/toy_sd15_embeddings.jsonl"))) {
    const auto prompt = row.at("prompt").get<std::string>();
    const bool literal = emphasis_of_name(row.at("emphasis").get<std::string>()) == Emphasis::none;
    expect_chunks(chunk_prompt(tokenizer, literal ? std::vector<WeightedText>{{prompt}} : parse_attention(prompt), embeddings), row);
  }
}

TEST(Chunks, AreCutAt77ForDiffusers) {
  for (const auto& row : read_jsonl(golden("text/tokens.jsonl"))) {
    const auto prompt = row.at("prompt").get<std::string>();
    EXPECT_EQ(ids_of(truncated_chunk(tokenizer_l(), prompt)), row.at("ids77_L").get<std::vector<int>>()) << prompt;
    EXPECT_EQ(ids_of(truncated_chunk(tokenizer_h(), prompt)), row.at("ids77_H").get<std::vector<int>>()) << prompt;
  }
}

TEST(Chunks, PadBehindTheFirstEndToken) {
  const Chunk chunk = chunk_prompt(tokenizer_h(), parse_attention("a cat")).chunks[0];
  EXPECT_EQ((std::vector<int>(chunk.ids.begin(), chunk.ids.begin() + 6)), (std::vector<int>{49406, 320, 2368, 49407, 0, 0}));
  EXPECT_EQ(chunk.ids[76], 0);
  EXPECT_EQ(empty_chunk(tokenizer_h()).ids[1], 49407);
  EXPECT_EQ(empty_chunk(tokenizer_h()).ids[2], 0);
}

// The reference leaves the marker behind when the comma rule moves its tokens; ours follows them.
TEST(Chunks, MoveEmbeddingsWithTheirTokens) {
  std::string prompt;
  for (int i = 0; i < 60; ++i) prompt += "word ";
  prompt += ", tail tail toy-three ";
  for (int i = 0; i < 20; ++i) prompt += "word ";
  const ChunkedPrompt ours = chunk_prompt(tokenizer_l(), parse_attention(prompt), EmbeddingNames(tokenizer_l(), {{"toy-three", 3}}));
  ASSERT_EQ(ours.chunks.size(), 2u);
  EXPECT_TRUE(ours.chunks[0].embeddings.empty());
  ASSERT_EQ(ours.chunks[1].embeddings.size(), 1u);
  const Chunk::Embedding& mark = ours.chunks[1].embeddings[0];
  EXPECT_EQ(mark.row, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ours.chunks[1].ids[mark.row + i], 0);
  EXPECT_NE(ours.chunks[1].ids[mark.row + 3], 0);
}

TEST(EmbeddingNames, RefuseWhatFitsNoChunk) {
  EXPECT_THROW(EmbeddingNames(tokenizer_l(), {{"big", 76}}), Error);
  EXPECT_THROW(EmbeddingNames(tokenizer_l(), {{"none", 0}}), Error);
  EXPECT_THROW(EmbeddingNames(tokenizer_l(), {{" ", 1}}), Error);
  const EmbeddingNames names(tokenizer_l(), {{"cat", 1}, {"cat dog", 2}});
  EXPECT_EQ(names.find(tokenizer_l().encode("cat dog x")).embedding->name, "cat dog");
  EXPECT_EQ(names.find(tokenizer_l().encode("cat bird")).tokens, 1u);
  EXPECT_EQ(names.find(tokenizer_l().encode("bird")).embedding, nullptr);
}

TEST(Emphasis, MultipliesAndRestoresTheMean) {
  const std::vector<float> states{1, 2, 3, 5};  // [2, 2], mean 2.75
  const std::vector<double> weights{1.0, 1.5};
  std::vector<float> z = states;
  apply_emphasis(z, weights, Emphasis::no_norm);
  EXPECT_EQ(z, (std::vector<float>{1, 2, 4.5, 7.5}));
  z = states;
  apply_emphasis(z, weights, Emphasis::original);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(z[i], (std::vector<float>{1, 2, 4.5, 7.5})[i] * 11 / 15, 1e-6);
  for (const Emphasis mode : {Emphasis::ignore, Emphasis::none}) {
    z = states;
    apply_emphasis(z, weights, mode);
    EXPECT_EQ(z, states);
  }
  z = states;
  EXPECT_THROW(apply_emphasis(z, std::vector<double>{1, 2, 3}, Emphasis::original), Error);
  apply_emphasis(z, std::vector<double>{0, 0}, Emphasis::original);
  EXPECT_EQ(z, (std::vector<float>{0, 0, 0, 0}));
  EXPECT_EQ(emphasis_of_name("no norm"), Emphasis::no_norm);
  EXPECT_THROW(emphasis_of_name("loud"), Error);
}

}  // namespace
}  // namespace imagent::test
