// Textual inversion files of every kind (golden/adapters/textual_inversion).
#include "weights/embedding_file.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "support/golden.h"
#include "support/write_safetensors.h"
#include "weights/open.h"

namespace imagent::test {
namespace {

LearnedEmbedding embedding(const std::string& file) { return read_embedding(*open_weights(golden("adapters/textual_inversion/" + file))); }

Array expected(const std::string& name) { return Arrays(golden("adapters/textual_inversion/expected_vectors.safetensors"))[name]; }

void expect_vectors(const std::optional<LearnedVectors>& vectors, const Array& wanted) {
  ASSERT_TRUE(vectors);
  EXPECT_EQ((Shape{vectors->count, vectors->width}), wanted.shape);
  EXPECT_EQ(vectors->values, wanted.values);
}

TEST(EmbeddingFile, ReadsEveryKind) {
  for (const char* file : {"a1111_pt.pt", "parameterdict.pt", "emb_params.safetensors"}) {
    SCOPED_TRACE(file);
    expect_vectors(embedding(file).only, expected("vectors3"));
  }
  for (const char* file : {"diffusers_learned_embeds.bin", "diffusers_learned_embeds.safetensors"}) {
    SCOPED_TRACE(file);
    expect_vectors(embedding(file).only, expected("vector1"));
  }
  Array halves = expected("vectors3");
  for (float& value : halves.values) value = f16_to_f32(f32_to_f16(value));
  expect_vectors(embedding("emb_params_f16.safetensors").only, halves);
  const LearnedEmbedding sdxl = embedding("sdxl.safetensors");
  expect_vectors(sdxl.clip_l, expected("clip_l"));
  expect_vectors(sdxl.clip_g, expected("clip_g"));
  EXPECT_EQ(sdxl.count(), 2);
}

std::string refusal(const std::map<std::string, TensorView>& tensors) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "embedding.safetensors";
  write_safetensors(path, tensors);
  try {
    read_embedding(*open_weights(path));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::model);
    return error.text;
  }
  return "nothing was refused";
}

TEST(EmbeddingFile, RefusesWhatIsNoEmbeddingOfOneWord) {
  const std::vector<float> zeros(24, 0.0f), holes(24, std::numeric_limits<float>::quiet_NaN());
  const auto view = [](const std::vector<float>& values, Shape shape) { return TensorView{DType::f32, shape, std::as_bytes(std::span(values)), nullptr}; };
  EXPECT_THROW(embedding("bad_two_tokens.safetensors"), Error);
  EXPECT_NE(refusal({{"<a>", view(zeros, {24})}, {"<b>", view(zeros, {24})}}).find("holds 2 tensors (<a>, <b>): an embedding of one word is wanted"), std::string::npos);
  EXPECT_NE(refusal({{"emb_params", view(zeros, {2, 3, 4})}}).find("is [2,3,4], vectors [count,width] are wanted"), std::string::npos);
  EXPECT_NE(refusal({{"emb_params", view(holes, {2, 12})}}).find("not finite"), std::string::npos);
  EXPECT_NE(refusal({{"clip_l", view(zeros, {2, 12})}, {"clip_g", view(zeros, {1, 24})}}).find("2 vectors clip_l and 1 clip_g"), std::string::npos);
}

}  // namespace
}  // namespace imagent::test
