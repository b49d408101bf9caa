// The dyadic Brownian tree of torchsde (BrownianInterval with halfway_tree), walked anew for every query.
#include "sampling/brownian.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "sampling/seed_sequence.h"

namespace imagent {

// Python's round(t, 6): half to even on the exact decimal value, which is what printing a double does.
static double round6(double t) {
  std::array<char, 400> text;
  std::snprintf(text.data(), text.size(), "%.6f", t);
  // Both directions use the C locale's point or the same foreign one, so the pair is locale-safe.
  return std::strtod(text.data(), nullptr);
}

BrownianTree::BrownianTree(double t0, double t1, uint64_t entropy, size_t size, GeneratorKind kind)
    : t0_(t0), t1_(t1), entropy_(entropy), size_(size), kind_(kind) {
  check(t0 < t1, "Brownian tree: the interval [", t0, ", ", t1, "] is empty");
}

std::vector<float> BrownianTree::draw(uint32_t seed) const {
  std::vector<float> out(size_);
  make_generator(kind_, seed)->normal(out);
  return out;
}

struct BrownianTree::Query {
  double from, to;
  std::vector<float> sum;
};

void BrownianTree::visit(Query& query, const Node& node, const std::vector<float>& w) const {
  if (query.from <= node.start && node.end <= query.to) {
    for (size_t i = 0; i < size_; ++i) query.sum[i] += w[i];
    return;
  }
  if (node.end <= query.from || query.to <= node.start) return;
  const double middle = round6(0.5 * (node.end + node.start));
  if (middle <= node.start || middle >= node.end) return;  // finer than the tree resolves
  const std::array<uint64_t, 2> spawn_key = {node.key, node.depth};
  std::vector<float> left = draw(seed_words(entropy_, spawn_key, 24, 4)[0]);
  const double l = middle - node.start, r = node.end - middle, h = node.end - node.start;
  const float inverse = static_cast<float>(1 / h), length = static_cast<float>(l);
  const float spread = static_cast<float>(std::sqrt(l * r / h));
  for (size_t i = 0; i < size_; ++i) left[i] = length * w[i] * inverse + spread * left[i];
  visit(query, {node.start, middle, 2 * node.key, node.depth + 1}, left);
  if (query.to <= middle) return;
  std::vector<float> right(size_);
  for (size_t i = 0; i < size_; ++i) right[i] = w[i] - left[i];
  visit(query, {middle, node.end, 2 * node.key + 1, node.depth + 1}, right);
}

std::vector<float> BrownianTree::increment(double ta, double tb) const {
  Query query{round6(std::clamp(ta, t0_, t1_)), round6(std::clamp(tb, t0_, t1_)), std::vector<float>(size_)};
  if (query.from >= query.to) return query.sum;
  std::vector<float> root = draw(seed_words(entropy_, {}, 24, 3)[0]);
  const float spread = static_cast<float>(std::sqrt(t1_ - t0_));
  for (float& value : root) value *= spread;
  visit(query, {round6(t0_), round6(t1_), 0, 0}, root);
  return query.sum;
}

std::vector<float> BrownianTree::noise(double sigma, double sigma_next) const {
  std::vector<float> out = increment(std::min(sigma, sigma_next), std::max(sigma, sigma_next));
  const float width = std::abs(static_cast<float>(sigma_next) - static_cast<float>(sigma));
  const float factor = width > 0 ? (sigma < sigma_next ? 1.0f : -1.0f) / std::sqrt(width) : 0.0f;
  for (float& value : out) value *= factor;
  return out;
}

}  // namespace imagent
