// Reading files of textual inversion.
#include "weights/embedding_file.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "weights/byte_reader.h"

namespace imagent {

static LearnedVectors vectors_of(const Source& file, const std::string& name) {
  const TensorView view = *file.find(name);
  const Shape& shape = view.shape;
  const auto require = [&](bool ok, std::string_view what) { check(ok, ErrorKind::model, file.origin(), ": tensor ", printable(name), " ", what); };
  require(is_float(view.dtype) && shape.numel() > 0 && (shape.rank() == 1 || shape.rank() == 2), str("is ", shape, ", vectors [count,width] are wanted"));
  LearnedVectors vectors{shape.rank() == 2 ? shape[0] : 1, shape[-1], to_f32(view)};
  require(std::all_of(vectors.values.begin(), vectors.values.end(), [](float v) { return std::isfinite(v); }), "holds values that are not finite numbers");
  return vectors;
}

LearnedEmbedding read_embedding(const Source& file) {
  LearnedEmbedding embedding;
  if (file.find("clip_l") && file.find("clip_g")) {
    embedding.clip_l = vectors_of(file, "clip_l");
    embedding.clip_g = vectors_of(file, "clip_g");
    check(embedding.clip_l->count == embedding.clip_g->count, ErrorKind::model, file.origin(), " has ", embedding.clip_l->count, " vectors clip_l and ",
          embedding.clip_g->count, " clip_g: it should have as many of both");
    return embedding;
  }
  std::vector<std::string> words;
  for (const std::string& name : file.names())
    if (!name.starts_with("string_to_token.")) words.push_back(name);  // ids beside the vectors
  check(!words.empty(), ErrorKind::model, file.origin(), " holds no learned vectors");
  check(words.size() == 1, ErrorKind::model, file.origin(), " holds ", words.size(), " tensors (", printable(words[0]), ", ", printable(words.back()),
        "): an embedding of one word is wanted");
  embedding.only = vectors_of(file, words[0]);
  return embedding;
}

}  // namespace imagent
