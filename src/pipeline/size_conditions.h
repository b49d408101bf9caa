// SDXL's numbers about size and crop (Podell et al. 2023, section 2.2). diffusers: _get_add_time_ids.
#pragma once
#include <vector>

#include "pipeline/request.h"

namespace imagent {

struct SizeConditions {
  std::vector<float> positive, negative;
};

// `aesthetic_score`: five numbers that end with it, as SDXL's refiner wants, instead of six that end with the target size.
// width and height of the request are filled in.
SizeConditions size_conditions(const Request& request, bool aesthetic_score);

}  // namespace imagent
