// attention.
#include "ops/op_scope.h"
#include "ops/ops.h"

namespace imagent {

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads, bool causal) {
  check(q.rank() == 3 && k.rank() == 3 && k.shape() == v.shape() && q.dim(0) == k.dim(0) && q.dim(2) == k.dim(2), "attention: q ", q.shape(),
        ", k ", k.shape(), ", v ", v.shape(), " do not fit");
  check(heads > 0 && q.dim(2) % heads == 0, "attention: ", q.dim(2), " channels do not divide into ", heads, " heads");
  check(q.dtype() == k.dtype() && k.dtype() == v.dtype(), "attention: q, k and v differ in dtype");
  check(!causal || q.dim(1) == k.dim(1), "attention: a causal mask needs as many keys as queries");
  Tensor y = q.like(q.shape());
  const double flop = 4.0 * static_cast<double>(q.numel()) * static_cast<double>(k.dim(1));
  OpScope scope(q.backend(), "attention", flop, [&] { return str(q.shape(), " heads ", heads, " keys ", k.dim(1)); });
  q.backend().attention(y, q, k, v, heads, causal);
  return y;
}

}  // namespace imagent
