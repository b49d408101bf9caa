// What counts in a part of the picture only: adapters that have a region.
#pragma once
#include <span>

#include "base/error.h"
#include "ops/ops.h"

namespace imagent {

// x [N,H,W,C] or [N,T,C] times the map of as many pixels; `maps`: f32 [H,W], one for each size that the network has, or none.
inline Tensor in_region(Tensor x, std::span<const Tensor> maps) {
  if (maps.empty()) return x;
  const int64_t pixels = x.numel() / (x.dim(0) * x.dim(-1));
  for (const Tensor& map : maps)
    if (map.numel() == pixels) return scale_pixels(std::move(x), map);
  fail(ErrorKind::internal, "in_region: no map for ", x.shape());
}

}  // namespace imagent
