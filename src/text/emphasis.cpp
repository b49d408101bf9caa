// How weights act on the hidden states of a text encoder.
#include "text/emphasis.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace imagent {

Emphasis emphasis_of_name(std::string_view name) {
  const std::string lower = lower_ascii(name);
  if (lower == "original") return Emphasis::original;
  if (lower == "no norm") return Emphasis::no_norm;
  if (lower == "ignore") return Emphasis::ignore;
  if (lower == "none") return Emphasis::none;
  fail(ErrorKind::usage, "no emphasis mode \"", name, "\"; there are Original, No norm, Ignore and None");
}

void apply_emphasis(std::span<float> states, std::span<const double> weights, Emphasis emphasis) {
  check(!weights.empty() && states.size() % weights.size() == 0, "emphasis: ", states.size(), " values for ", weights.size(), " tokens");
  const bool weighted = std::any_of(weights.begin(), weights.end(), [](double weight) { return weight != 1.0; });
  if (emphasis == Emphasis::ignore || emphasis == Emphasis::none || !weighted) return;
  const auto sum = [&] { return std::accumulate(states.begin(), states.end(), 0.0); };
  const double before = sum();
  const size_t channels = states.size() / weights.size();
  for (size_t token = 0; token < weights.size(); ++token)
    for (float& value : states.subspan(token * channels, channels)) value *= static_cast<float>(weights[token]);
  if (emphasis == Emphasis::no_norm) return;
  const double after = sum();
  if (after == 0) return;
  const float scale = static_cast<float>(before / after);
  for (float& value : states) value *= scale;
}

}  // namespace imagent
