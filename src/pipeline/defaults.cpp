// What a request leaves open.
#include "pipeline/defaults.h"

#include <random>

#include "pipeline/canvas.h"
#include "pipeline/request_fields.h"

namespace imagent {

double default_strength(const Request& request) { return request.outpaint.any() ? 1.0 : 0.75; }

Request with_seed(Request r) {
  std::random_device device;
  for (int64_t* seed : {&r.seed, &r.variation_seed})
    if (*seed == -1) *seed = std::uniform_int_distribution<int64_t>(0, 4294967293)(device);
  return r;
}

Request with_defaults(Request r, const ModelDefaults& d) {
  if (const auto size = size_by_picture(r)) {
    r.width = size->width;
    r.height = size->height;
  }
  if (r.width == 0) r.width = d.width;
  if (r.height == 0) r.height = d.height;
  if (r.steps == 0) r.steps = d.steps;
  if (!r.guidance_scale) r.guidance_scale = d.guidance_scale;
  validate(r);
  return with_seed(std::move(r));
}

}  // namespace imagent
