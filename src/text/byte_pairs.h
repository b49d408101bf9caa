// Byte-pair encoding of one word. Paper: "Neural Machine Translation of Rare Words with Subword Units" (Sennrich 2016).
#pragma once
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace imagent {

struct Merge {
  int rank = 0;    // lower merges first
  int merged = 0;  // id of the joined symbol
};

class MergeTable {
 public:
  // A pair named twice keeps its last rank.
  void add(int left, int right, Merge merge) { table_[key(left, right)] = merge; }
  const Merge* find(int left, int right) const {
    const auto found = table_.find(key(left, right));
    return found == table_.end() ? nullptr : &found->second;
  }
  void reserve(size_t count) { table_.reserve(count); }

 private:
  static uint64_t key(int left, int right) { return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right); }
  std::unordered_map<uint64_t, Merge> table_;
};

// Joins neighbours, lowest rank first and then leftmost, until no pair is in the table. n log n in the word's length.
std::vector<int> merge_pairs(std::span<const int> symbols, const MergeTable& merges);

}  // namespace imagent
