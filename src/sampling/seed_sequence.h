// numpy.random.SeedSequence: well-mixed 32-bit words from an entropy number and a spawn key (torchsde seeds with it).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace imagent {

// generate_state(count) of SeedSequence(entropy, spawn_key=spawn_key, pool_size=pool_size). No key: an empty span.
std::vector<uint32_t> seed_words(uint64_t entropy, std::span<const uint64_t> spawn_key, size_t pool_size, size_t count);

}  // namespace imagent
