// group_norm and layer_norm.
#include "ops/op_scope.h"
#include "ops/ops.h"

namespace imagent {

static void check_params(const NormParams& p, int64_t channels, const char* op) {
  for (const Tensor& vector : {p.gamma, p.beta})
    check(vector && vector.shape() == Shape{channels} && vector.dtype() == DType::f32, op, ": the affine vectors are no f32 [", channels, "]");
}

Tensor group_norm(Tensor x, const NormParams& p, int groups, Act act) {
  check(x.rank() >= 2 && groups > 0 && x.dim(-1) % groups == 0, "group_norm: ", x.shape(), " does not divide into ", groups, " groups");
  check_params(p, x.dim(-1), "group_norm");
  check(!p.statistics || (p.statistics.shape() == Shape{groups, 2} && p.statistics.dtype() == DType::f32), "group_norm: the statistics are no f32 [", groups, ",2]");
  Tensor y = x.sole_owner() ? x : x.like(x.shape());
  OpScope scope(x.backend(), "group_norm", 0, [&] { return str(x.shape(), " groups ", groups); });
  x.backend().group_norm(y, x, p, groups, act);
  return y;
}

Tensor group_statistics(const Tensor& x, int groups) {
  check(x.rank() >= 2 && groups > 0 && x.dim(-1) % groups == 0, "group_statistics: ", x.shape(), " does not divide into ", groups, " groups");
  Tensor y(x.backend(), {x.dim(0), groups, 2}, DType::f32);
  OpScope scope(x.backend(), "group_statistics", 0, [&] { return str(x.shape(), " groups ", groups); });
  x.backend().group_statistics(y, x, groups);
  return y;
}

Tensor layer_norm(Tensor x, const NormParams& p) {
  check(x.rank() >= 2, "layer_norm: input is ", x.shape());
  check_params(p, x.dim(-1), "layer_norm");
  Tensor y = x.sole_owner() ? x : x.like(x.shape());
  OpScope scope(x.backend(), "layer_norm", 0, [&] { return str(x.shape()); });
  x.backend().layer_norm(y, x, p);
  return y;
}

}  // namespace imagent
