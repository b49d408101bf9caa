// The table of routes: which handler answers a method and path. /openapi.json and /docs are made from the same table.
#pragma once
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "server/http_error.h"

namespace httplib {
struct Request;
struct Response;
}  // namespace httplib

namespace imagent::server {

// One request on its way through a handler.
struct Call {
  const httplib::Request& request;
  httplib::Response& response;
  Dialect dialect;
  std::map<std::string, std::string> path;       // values of {parts} of the route's path
  std::string client;                            // whose turn it is in the queue: X-Client-Id, else the address

  // The body as a JSON object; an empty body is {}. Errors: HttpError 400, for what is no JSON object or nested too deeply.
  nlohmann::json json() const;
  std::string parameter(const std::string& name) const;   // of the query, "" when absent
  void reply(const nlohmann::ordered_json& body, int status = 200) const;
  void reply(const nlohmann::json& body, int status = 200) const;
};
// A text of a caller as a JSON object; "" is {}. `what` names it in messages. Errors: as Call::json().
nlohmann::json json_object(const std::string& text, const std::string& what);

using Handler = std::function<void(Call&)>;

// What a route's body is, for its description.
enum class Body { none, picture, json, multipart };

struct Route {
  std::string method, path;                      // "GET", "/v1/jobs/{id}"
  Dialect dialect = Dialect::own;
  std::string summary;
  Handler handler;
  Body body = Body::none;
  bool open = false;                             // answers without authentication
};

class Router {
 public:
  void add(std::vector<Route> routes);
  struct Match {
    const Route* route = nullptr;
    std::map<std::string, std::string> path;
    std::vector<std::string> methods;            // of the routes with this path, when none has the method
  };
  Match find(const std::string& method, const std::string& path) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

// By its beginning: unknown paths are refused in the shape of the dialect they lie under.
Dialect dialect_of(const std::string& path);

}  // namespace imagent::server
