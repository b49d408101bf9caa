// SDXL's numbers about size and crop.
#include "pipeline/size_conditions.h"

namespace imagent {
namespace {

std::vector<float> time_ids(Size original, Offset crop, Size target) {
  return {static_cast<float>(original.height), static_cast<float>(original.width), static_cast<float>(crop.top),
          static_cast<float>(crop.left), static_cast<float>(target.height), static_cast<float>(target.width)};
}

// diffusers' defaults of the refiner pipeline: aesthetic_score, negative_aesthetic_score.
constexpr float positive_score = 6, negative_score = 2.5f;

std::vector<float> with_score(std::vector<float> ids, float score) {
  ids.resize(4);
  ids.push_back(score);
  return ids;
}

}  // namespace

SizeConditions size_conditions(const Request& r, bool aesthetic_score) {
  const Size picture{r.width, r.height};
  const Size original = r.original_size.value_or(picture), target = r.target_size.value_or(picture);
  const Offset crop = r.crop.value_or(Offset{});
  SizeConditions out;
  out.positive = out.negative = time_ids(original, crop, target);
  // diffusers wants both before it takes a negative side of its own.
  if (r.negative_original_size && r.negative_target_size)
    out.negative = time_ids(*r.negative_original_size, r.negative_crop.value_or(Offset{}), *r.negative_target_size);
  if (aesthetic_score) {
    out.positive = with_score(out.positive, positive_score);
    const Size negative = r.negative_original_size.value_or(original);
    out.negative = with_score(time_ids(negative, r.negative_crop.value_or(Offset{}), target), negative_score);
  }
  return out;
}

}  // namespace imagent
