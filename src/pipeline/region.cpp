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
  int height = size.height / 8, width = size.width / 8;
  for (size_t halved = 0; halved <= unet.down_blocks.size(); ++halved) {  // as a convolution halves odd sides
    maps.push_back(upload(backend, {height, width}, interpolate(values, height, width, Interpolation::bilinear).values));
    height = (height + 1) / 2;
    width = (width + 1) / 2;
  }
  return maps;
}

}  // namespace imagent
