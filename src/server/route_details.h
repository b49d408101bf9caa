// What the description of a route says beside its line in the router: parameters of the query, members of the body that are no
// fields of a picture, the kind of answer.
#pragma once
#include <string>
#include <vector>

namespace imagent::server {

struct Parameter {
  std::string name, type;            // "string", "integer", "number", "boolean", "array", "object", "file"
  std::string help = {};
};

struct RouteDetails {
  std::string route;                 // "POST /v1/jobs"
  std::vector<Parameter> query = {}, body = {};
  std::string answer = "application/json";
  int status = 200;                  // of a success
};

const std::vector<RouteDetails>& route_details();
RouteDetails details_of(const std::string& method, const std::string& path);   // of a route without a row: nothing special

}  // namespace imagent::server
