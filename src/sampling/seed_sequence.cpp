// numpy's SeedSequence (numpy/random/bit_generator.pyx), after O'Neill's seed_seq_fe.
#include "sampling/seed_sequence.h"

#include "base/error.h"

namespace imagent {

static void append_words(std::vector<uint32_t>& words, uint64_t number) {
  do {
    words.push_back(static_cast<uint32_t>(number));
    number >>= 32;
  } while (number != 0);
}

// A multiplicative hash whose constant changes with every use.
struct Hash {
  uint32_t constant, multiplier;
  uint32_t operator()(uint32_t value) {
    value ^= constant;
    constant *= multiplier;
    value *= constant;
    return value ^ (value >> 16);
  }
};

static uint32_t mix(uint32_t x, uint32_t y) {
  const uint32_t result = 0xca01f9ddu * x - 0x4973f715u * y;
  return result ^ (result >> 16);
}

std::vector<uint32_t> seed_words(uint64_t entropy, std::span<const uint64_t> spawn_key, size_t pool_size, size_t count) {
  check(pool_size >= 4, "seed sequence: the pool has ", pool_size, " words, at least 4 are needed");
  std::vector<uint32_t> words;
  append_words(words, entropy);
  if (!spawn_key.empty() && words.size() < pool_size) words.resize(pool_size);
  for (const uint64_t key : spawn_key) append_words(words, key);

  Hash hash{0x43b0d7e5u, 0x931e8875u};
  std::vector<uint32_t> pool(pool_size);
  for (size_t i = 0; i < pool_size; ++i) pool[i] = hash(i < words.size() ? words[i] : 0);
  for (size_t from = 0; from < pool_size; ++from)
    for (size_t to = 0; to < pool_size; ++to)
      if (from != to) pool[to] = mix(pool[to], hash(pool[from]));
  for (size_t i = pool_size; i < words.size(); ++i)
    for (uint32_t& word : pool) word = mix(word, hash(words[i]));

  Hash output{0x8b51f9ddu, 0x58f38dedu};
  std::vector<uint32_t> state(count);
  for (size_t i = 0; i < count; ++i) state[i] = output(pool[i % pool_size]);
  return state;
}

}  // namespace imagent
