// Matching paths, and what handlers use of a call.
#include "server/router.h"

#include <httplib.h>

#include "base/str.h"

namespace imagent::server {

constexpr int deepest_json = 64;

nlohmann::json json_object(const std::string& text, const std::string& what) {
  using Json = nlohmann::json;
  if (text.empty()) return Json::object();
  const auto shallow = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > deepest_json) throw HttpError{400, "usage", str(what, " is nested deeper than ", deepest_json, " levels")};
    return true;
  };
  try {
    Json object = Json::parse(text, shallow);
    if (!object.is_object()) throw HttpError{400, "usage", str(what, " should be a JSON object")};
    return object;
  } catch (const Json::parse_error& error) {
    throw HttpError{400, "usage", str(what, " is not JSON: byte ", error.byte)};
  } catch (const Json::out_of_range&) {
    throw HttpError{400, "usage", str(what, " has a number that is too large")};
  }
}

nlohmann::json Call::json() const { return json_object(request.body, "the body"); }

std::string Call::parameter(const std::string& name) const { return request.has_param(name) ? request.get_param_value(name) : ""; }

template <class Json>
static void set_json(const Call& call, const Json& body, int status) {
  call.response.status = status;
  call.response.set_content(body.dump(-1, ' ', false, Json::error_handler_t::replace), "application/json");
}
void Call::reply(const nlohmann::ordered_json& body, int status) const { set_json(*this, body, status); }
void Call::reply(const nlohmann::json& body, int status) const { set_json(*this, body, status); }

void Router::add(std::vector<Route> routes) {
  for (Route& route : routes) routes_.push_back(std::move(route));
}

static bool matches(const std::vector<std::string_view>& pattern, const std::vector<std::string_view>& path, std::map<std::string, std::string>& values) {
  if (pattern.size() != path.size()) return false;
  for (size_t i = 0; i < path.size(); ++i) {
    if (pattern[i].starts_with("{") && pattern[i].ends_with("}") && !path[i].empty())
      values[std::string(pattern[i].substr(1, pattern[i].size() - 2))] = path[i];
    else if (pattern[i] != path[i])
      return false;
  }
  return true;
}

Router::Match Router::find(const std::string& method, const std::string& path) const {
  std::string_view text = path;
  if (text.size() > 1 && text.ends_with("/")) text.remove_suffix(1);
  const auto parts = split(text, '/');
  Match match;
  for (const Route& route : routes_) {
    std::map<std::string, std::string> values;
    if (!matches(split(route.path, '/'), parts, values)) continue;
    if (route.method == method || (method == "HEAD" && route.method == "GET")) return {&route, std::move(values), {}};
    match.methods.push_back(route.method);
  }
  return match;
}

Dialect dialect_of(const std::string& path) {
  for (const char* start : {"/sdapi/", "/controlnet/", "/internal/"})
    if (path.starts_with(start)) return Dialect::a1111;
  if (path.starts_with("/v1/images/") || path == "/v1/models") return Dialect::openai;
  return path.starts_with("/sdcpp/") ? Dialect::sdcpp : Dialect::own;
}

}  // namespace imagent::server
