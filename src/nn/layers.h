// Layers that hold weights; each is built from its scope in the checkpoint.
#pragma once
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

  explicit Conv2d(const Weights& w) : packed(w.conv2d()), params(Conv2dParams::same(packed.kernel_h)) {}
  Conv2d(const Weights& w, const Conv2dParams& params) : packed(w.conv2d()), params(params) {}
  Tensor operator()(const Tensor& x, Epilogue e = {}) const { return conv2d(x, packed, params, std::move(e)); }
};

struct GroupNorm {
  NormParams params;
  int groups;

  GroupNorm(const Weights& w, int groups, float eps) : params(w.norm(eps)), groups(groups) {}
  Tensor operator()(Tensor x, Act act = Act::none) const { return group_norm(std::move(x), params, groups, act); }
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
