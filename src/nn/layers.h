// Layers that hold weights; each is built from its scope in the checkpoint.
#pragma once
#include <vector>

#include "ops/ops.h"
#include "weights/weights.h"

namespace imagent {

struct Linear {
  Packed packed;

  explicit Linear(const Weights& w) : packed(w.linear()) {}
  // x [...,in] -> [...,out]; the residual is added last and, moved in, becomes the output.
  Tensor operator()(const Tensor& x, Act act = Act::none) const { return linear(x, packed, {act, {}, {}}); }
  Tensor operator()(const Tensor& x, Tensor residual) const { return linear(x, packed, {Act::none, {}, std::move(residual)}); }
};

struct Conv2d {
  Packed packed;
  Conv2dParams params;
  bool wraps = false;  // beyond its sides the picture goes on at the other ones, for seamless tiles

  explicit Conv2d(const Weights& w) : Conv2d(w, Conv2dParams{}) { params = Conv2dParams::same(packed.kernel_h); }
  Conv2d(const Weights& w, const Conv2dParams& params) : packed(w.conv2d()), params(params), wraps(w.wraps()) {}
  Tensor operator()(const Tensor& x, Epilogue e = {}) const {
    if (!wraps) return conv2d(x, packed, params, std::move(e));
    return conv2d(wrap(x, {params.pad_top, params.pad_left, params.pad_bottom, params.pad_right}), packed, {.stride = params.stride}, std::move(e));
  }
};

// Mean and variance of each group over everything that was added, for tiles of one picture (Chan, Golub & LeVeque 1979).
class GroupMoments {
 public:
  void add(const Tensor& x, int groups);           // [1,...,C]
  Tensor statistics(Backend& backend) const;       // f32 [groups,2]

 private:
  struct Moments {
    double count = 0, mean = 0, squares = 0;       // squares: sum of squared differences from the mean
  };
  std::vector<Moments> groups_;
};

struct GroupNorm {
  NormParams params;
  int groups;
  GroupMoments* measured = nullptr;                // where to add the inputs' moments, usually nowhere

  GroupNorm(const Weights& w, int groups, float eps) : params(w.norm(eps)), groups(groups) {}
  Tensor operator()(Tensor x, Act act = Act::none) const {
    if (measured) measured->add(x, groups);
    return group_norm(std::move(x), params, groups, act);
  }
};

struct LayerNorm {
  NormParams params;

  explicit LayerNorm(const Weights& w, float eps = 1e-5f) : params(w.norm(eps)) {}
  Tensor operator()(Tensor x) const { return layer_norm(std::move(x), params); }
};

struct Embedding {
  Packed table;

  explicit Embedding(const Weights& w) : table(w.table()) {}
};

}  // namespace imagent
