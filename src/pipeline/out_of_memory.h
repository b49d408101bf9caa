// When a device runs out of memory in mid-run: what it keeps for later is given back, and the same is computed again in
// smaller pieces.
#pragma once
#include <functional>
#include <span>
#include <string>

#include "tensor/backend.h"

namespace imagent {

struct Pieces {
  Backend& backend;
  std::span<const int> sizes;  // of the pieces, to be tried in this order: at least one, and one may stand there twice
  std::string what;            // for the error: "decoding 1024x1024 pixels"
  std::string advice;          // "a smaller size would need less"
};

// Calls compute(size), which begins anew each time, with one size after another until the device has memory enough -> that
// size. Errors: memory, when it has not enough for the last; all others of compute() at once.
int compute_in_pieces(const Pieces& pieces, const std::function<void(int size)>& compute);

}  // namespace imagent
