// What the encoders of a loaded model or autoencoder have made of texts and pictures before. A hit gives the same numbers as
// encoding again: a key holds all that the result depends on beside the model itself.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/lru_cache.h"
#include "pipeline/embedding_library.h"
#include "pipeline/encoded_picture.h"
#include "weights/with_lora.h"

namespace imagent {

// A chunk of a prompt before its weights are applied.
struct ChunkKey {
  size_t encoder = 0;                  // index among the model's text encoders
  int clip_skip = 1;                   // A1111's count
  std::vector<int32_t> ids;
  std::vector<int> rows;               // where learned words stand, and what each means
  std::vector<std::shared_ptr<const NamedEmbedding>> words;
  std::vector<LoraUse> loras;          // on this encoder
  bool operator==(const ChunkKey&) const = default;
};
struct EncodedChunk {
  std::vector<float> states;  // [77,width]
  std::vector<float> pooled;  // SDXL
};

// A picture as an autoencoder's encoder was shown it (pipeline/loaded_vae.h).
struct PictureKey {
  std::string pixels, mask;   // their SHA-256
  int width = 0, height = 0, tile = 0;
  bool operator==(const PictureKey&) const = default;
};

template <class Key, class Value>
class CountedCache {
 public:
  CountedCache(size_t most_entries, size_t most_bytes) : cache_(most_entries, most_bytes) {}

  // What is kept for the key, else what `make` gives, which is kept. `bytes` of a value.
  std::shared_ptr<const Value> get(const Key& key, const std::function<Value()>& make, const std::function<size_t(const Value&)>& bytes) {
    ++asked_;
    if (auto value = cache_.find(key)) return ++found_, value;
    Value value = make();
    const size_t size = bytes(value);
    return cache_.keep(key, std::move(value), size);
  }

  size_t asked() const { return asked_; }
  size_t found() const { return found_; }

 private:
  LruCache<Key, Value> cache_;
  size_t asked_ = 0, found_ = 0;
};

using TextCache = CountedCache<ChunkKey, EncodedChunk>;
using PictureCache = CountedCache<PictureKey, EncodedPicture>;

}  // namespace imagent
