// What the routes of the AUTOMATIC1111 web UI's dialect (modules/api/api.py, models.py) share.
#pragma once
#include <optional>

#include "server/service.h"

namespace imagent::server {

inline constexpr const char* a1111_version = "v1.10.1";   // whose API this is

// A body of txt2img or img2img as a job; the shared options and override_settings included. Errors: HttpError with the
// web UI's statuses and texts, which clients compare: 404 "Sampler not found", 404 "Init image not found".
Job a1111_job(Service& service, const nlohmann::json& body, bool from_image);

// What clients call a model: "name.safetensors [0123456789]", without the hash while that is not known.
std::string title_of(Service& service, const CatalogEntry& entry);

// A time (seconds since 1970) as the web UI names jobs: "20240131235959".
std::string a1111_timestamp(double seconds);

// The value of a shared option as text; "" when it has none.
std::string option_text(Service& service, const char* name);
void set_default_options(Service& service);

std::vector<Route> a1111_picture_routes(Service& service);
std::vector<Route> a1111_state_routes(Service& service);
std::vector<Route> a1111_list_routes(Service& service);
std::vector<Route> a1111_extra_routes(Service& service);
std::vector<Route> controlnet_routes(Service& service);

}  // namespace imagent::server
