// What the routes of imagent's own dialect share.
#pragma once
#include "server/service.h"

namespace imagent::server {

// A body of the own dialect as a job: image_generation, image_transform or image_inpaint, inferred when `operation` is absent.
// Errors: usage, each limit with a text of its own.
struct OwnDefaults {
  int steps = 25;
  double strength = 0.75;
};
Job own_job(const Service& service, const nlohmann::json& body, const OwnDefaults& defaults);

}  // namespace imagent::server
