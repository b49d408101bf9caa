// Byte-pair encoding of one word with a heap of candidate pairs over a linked list of symbols.
#include "text/byte_pairs.h"

#include <queue>
#include <tuple>

namespace imagent {
namespace {

struct Symbol {
  int id;
  int previous, next;  // index in the list, -1 at the ends
  bool alive = true;
};

struct Candidate {
  Merge merge;
  int left, right;        // indices of the two symbols
  int left_id, right_id;  // what they were: a candidate is stale once one of them has changed

  bool operator<(const Candidate& other) const {  // the heap's top is the lowest rank, then the leftmost
    return std::tie(other.merge.rank, other.left) < std::tie(merge.rank, left);
  }
};

}  // namespace

std::vector<int> merge_pairs(std::span<const int> ids, const MergeTable& merges) {
  const int count = static_cast<int>(ids.size());
  std::vector<Symbol> symbols;
  symbols.reserve(ids.size());
  for (int i = 0; i < count; ++i) symbols.push_back({ids[i], i - 1, i + 1 < count ? i + 1 : -1});

  std::priority_queue<Candidate> heap;
  const auto offer = [&](int left, int right) {
    if (left < 0 || right < 0) return;
    if (const Merge* merge = merges.find(symbols[left].id, symbols[right].id))
      heap.push({*merge, left, right, symbols[left].id, symbols[right].id});
  };
  for (int i = 0; i + 1 < count; ++i) offer(i, i + 1);

  while (!heap.empty()) {
    const Candidate best = heap.top();
    heap.pop();
    Symbol& left = symbols[best.left];
    Symbol& right = symbols[best.right];
    if (!left.alive || !right.alive || left.next != best.right || left.id != best.left_id || right.id != best.right_id) continue;
    left.id = best.merge.merged;
    left.next = right.next;
    right.alive = false;
    if (left.next >= 0) symbols[left.next].previous = best.left;
    offer(left.previous, best.left);
    offer(best.left, left.next);
  }

  std::vector<int> out;
  for (int i = count > 0 ? 0 : -1; i >= 0; i = symbols[i].next) out.push_back(symbols[i].id);
  return out;
}

}  // namespace imagent
