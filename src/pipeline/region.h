// The part of a picture in which an adapter counts. A1111's extension sd-webui-controlnet: effective_region_mask.
#pragma once
#include <memory>
#include <vector>

#include "models/unet_encoder.h"
#include "pipeline/request.h"

namespace imagent {

// A map for each size that the UNet's levels have, as in_region() takes them; none when there is no region. It is stretched over the picture,
// whose size is given; white (of the first channel) is 1, black 0.
std::vector<Tensor> region_maps(const std::shared_ptr<const Image>& region, Size size, const UNetEncoder& unet, Backend& backend);

}  // namespace imagent
