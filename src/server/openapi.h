// The description of all routes, from the one table: OpenAPI 3.0 for programs, a page for people.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "server/router.h"

namespace imagent::server {

nlohmann::ordered_json openapi(const Router& router);
std::string docs_page(const Router& router);     // HTML without scripts

}  // namespace imagent::server
