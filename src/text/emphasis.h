// How weights act on the hidden states of a text encoder: A1111 modules/sd_emphasis.py.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

namespace imagent {

enum class Emphasis {
  original,  // multiply, then restore the mean of the whole chunk
  no_norm,   // multiply only
  ignore,    // read the grammar, use no weight
  none,      // brackets are characters of the prompt
};

// "Original", "No norm", "Ignore", "None" in any case. Errors: usage.
Emphasis emphasis_of_name(std::string_view name);

// states [tokens, channels] of one chunk, weights [tokens]. With `original` the mean over the whole chunk, start, end
// and padding included, is what it was before.
void apply_emphasis(std::span<float> states, std::span<const double> weights, Emphasis emphasis);

}  // namespace imagent
