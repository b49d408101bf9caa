// The inner loops of attention. Queries lie in the lanes of vectors, so softmax needs no sums across lanes; keys and values
// are packed once a head in the order the loops read them.
#pragma once
#include <cstdint>

namespace imagent::cpu {

// Keys and values of one head, packed as words of 32 bits: one f32, or two bf16 (neighbours in depth for keys, neighbouring
// keys for values). A key count that is no multiple of key_tile is filled up with copies of the last key, whose values are 0.
struct AttentionPack {
  const void *k, *v;  // first key of the head; elements of the tensor's dtype
  int64_t stride;     // elements from key to key
  int64_t keys;
  int64_t width;      // of the head
  int64_t block;      // which key_block of them to pack now
  uint32_t *packed_keys, *packed_values;  // of the whole head
};

struct AttentionBlock {
  const void* q;
  void* y;
  int64_t stride;         // elements from query to query, in q and y
  int64_t first, queries; // the block's place in the picture, at most `queries` of the kernels
  int64_t keys, width;
  float scale;            // log2(e) / sqrt(width)
  const uint32_t *packed_keys, *packed_values;
  bool causal;
  uint32_t* workspace;    // workspace_words()
};

struct AttentionKernels {
  int queries;    // in a block
  int key_tile, key_block;
  int step;       // elements in a word
  void (*pack)(const AttentionPack&);
  void (*block)(const AttentionBlock&);

  int64_t padded_keys(int64_t keys) const { return (keys + key_tile - 1) / key_tile * key_tile; }
  int64_t depth(int64_t width) const { return (width + step - 1) / step; }
  int64_t key_words(int64_t keys, int64_t width) const { return padded_keys(keys) * depth(width); }
  int64_t value_words(int64_t keys, int64_t width) const { return padded_keys(keys) / step * (width + 1); }
  // Packed queries, probabilities of one block of keys, sums, rows on their way in and out.
  int64_t workspace_words(int64_t width) const { return queries * (depth(width) + key_block / step + 2 * (width + 24)); }
};

}  // namespace imagent::cpu
