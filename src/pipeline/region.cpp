// Regions at the UNet's sizes: scripts/hook.py (apply_effective_region_mask) interpolates without looking at what lies between.
#include "pipeline/region.h"

#include "ops/ops.h"
#include "sampling/interpolate.h"

namespace imagent {

std::vector<Tensor> region_maps(const std::shared_ptr<const Image>& region, Size size, const UNetEncoder& unet, Backend& backend) {
  std::vector<Tensor> maps;
  if (!region) return maps;
  Latents values(1, region->height, region->width);
  for (size_t i = 0; i < values.size(); ++i) values.values[i] = static_cast<float>(region->pixels[i * static_cast<size_t>(region->channels)]) / 255;
  for (const Shape& level : unet.level_shapes(size.height / 8, size.width / 8)) {
    const Latents map = interpolate(values, static_cast<int>(level[0]), static_cast<int>(level[1]), Interpolation::bilinear);
    maps.push_back(upload(backend, {level[0], level[1]}, map.values));
  }
  return maps;
}

}  // namespace imagent
