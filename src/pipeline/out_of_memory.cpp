// Trying again with less.
#include "pipeline/out_of_memory.h"

#include "base/error.h"

namespace imagent {

int compute_in_pieces(const Pieces& pieces, const std::function<void(int size)>& compute) {
  for (size_t i = 0;; ++i) {
    try {
      compute(pieces.sizes[i]);
      return pieces.sizes[i];
    } catch (const Error& error) {
      if (error.kind != ErrorKind::memory) throw;
      check(i + 1 < pieces.sizes.size(), ErrorKind::memory, "memory ran out while ", pieces.what, ": ", pieces.advice, " (", error.text, ")");
    }
    pieces.backend.release_cached();  // only now: what compute() held has come back
  }
}

}  // namespace imagent
