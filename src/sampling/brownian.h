// Brownian motion over the noise levels, so that SDE samplers draw the same path whatever their steps are.
// torchsde BrownianTree, k-diffusion BrownianTreeNoiseSampler.
#pragma once
#include <cstdint>
#include <vector>

#include "sampling/rng.h"

namespace imagent {

// W on [t0, t1], found by halving the interval as often as needed; each half has a generator of its own, so values do
// not depend on what was asked before.
class BrownianTree {
 public:
  // `size` independent motions; `kind` draws the numbers (A1111 uses Philox here when its noise source is the GPU).
  BrownianTree(double t0, double t1, uint64_t entropy, size_t size, GeneratorKind kind = GeneratorKind::cpu);

  // W(tb) - W(ta), ta <= tb; times are clamped to [t0, t1] and rounded to 6 decimals.
  std::vector<float> increment(double ta, double tb) const;

  // The increment over [sigma_next, sigma] divided by sqrt(sigma - sigma_next), negated when going down: the noise that
  // a sampler adds between these levels. Zeros when they are equal.
  std::vector<float> noise(double sigma, double sigma_next) const;

 private:
  struct Query;
  struct Node {
    double start, end;
    uint64_t key, depth;
  };
  void visit(Query& query, const Node& node, const std::vector<float>& w) const;
  std::vector<float> draw(uint32_t seed) const;

  double t0_, t1_;
  uint64_t entropy_;
  size_t size_;
  GeneratorKind kind_;
};

}  // namespace imagent
