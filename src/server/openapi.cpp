// OpenAPI and the docs page.
#include "server/openapi.h"

#include "base/str.h"
#include "base/version.h"
#include "pipeline/request_fields.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

// A field as a property: numbers and texts are both taken, as the field table reads either.
static Json picture_schema() {
  Json properties = Json::object();
  for (const FieldInfo& field : infos(request_fields())) {
    std::string help = field.help;
    if (!field.json.empty()) help += str(help.empty() ? "" : ". ", "Also: ", join(field.json, ", "));
    Json property = {{"description", help.empty() ? field.allowed : str(help, " (", field.allowed, ")")}, {"nullable", true}};
    if (!field.choices.empty()) property["example"] = field.choices.front();
    properties[field.name] = std::move(property);
  }
  return {{"type", "object"}, {"properties", properties}, {"additionalProperties", true}};
}

static Json body_of(const Route& route) {
  const Json object = {{"type", "object"}, {"additionalProperties", true}};
  const Json schema = route.body == Body::picture ? Json{{"$ref", "#/components/schemas/Picture"}} : object;
  return {{"content", {{route.body == Body::multipart ? "multipart/form-data" : "application/json", {{"schema", schema}}}}}};
}

static Json parameters_of(const std::string& path) {
  Json parameters = Json::array();
  for (const std::string_view part : split(path, '/'))
    if (part.starts_with("{"))
      parameters.push_back({{"name", std::string(part.substr(1, part.size() - 2))}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  return parameters;
}

Json openapi(const Router& router) {
  Json paths = Json::object();
  for (const Route& route : router.routes()) {
    Json operation = {{"tags", {name_of(route.dialect)}}, {"summary", route.summary}, {"responses", {{"200", {{"description", "OK"}}}, {"default", {{"description", "An error in the dialect's shape"}}}}}};
    if (const Json parameters = parameters_of(route.path); !parameters.empty()) operation["parameters"] = parameters;
    if (route.body != Body::none) operation["requestBody"] = body_of(route);
    if (route.open) operation["security"] = Json::array();
    paths[route.path][lower_ascii(route.method)] = std::move(operation);
  }
  return {{"openapi", "3.0.3"},
          {"info", {{"title", "imagent"}, {"version", version}}},
          {"paths", paths},
          {"components", {{"schemas", {{"Picture", picture_schema()}}},
                          {"securitySchemes", {{"basic", {{"type", "http"}, {"scheme", "basic"}}}, {"bearer", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
}

static std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') out += "&lt;";
    else if (c == '&') out += "&amp;";
    else if (c == '"') out += "&quot;";
    else out += c;
  }
  return out;
}

std::string docs_page(const Router& router) {
  std::string page =
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>imagent API</title>"
      "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
      "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8884;vertical-align:top}code{white-space:nowrap}</style>"
      "<h1>imagent API</h1><p>One queue, four dialects. The same as <a href=\"/openapi.json\">OpenAPI</a>.</p>";
  for (const auto& [dialect, title] : {std::pair{Dialect::own, "imagent"}, {Dialect::a1111, "AUTOMATIC1111 web UI"}, {Dialect::openai, "OpenAI images"}, {Dialect::sdcpp, "stable-diffusion.cpp"}}) {
    std::string rows;
    for (const Route& route : router.routes())
      if (route.dialect == dialect)
        rows += str("<tr><td><code>", route.method, " ", escaped(route.path), "</code></td><td>", escaped(route.summary), "</td></tr>");
    if (!rows.empty()) page += str("<h2>", title, "</h2><table>", rows, "</table>");
  }
  page += "<h2>Fields of a picture</h2><table><tr><th>Name</th><th>Also</th><th>Meaning</th><th>Allowed</th></tr>";
  for (const FieldInfo& field : infos(request_fields()))
    page += str("<tr><td><code>", field.name, "</code></td><td>", escaped(join(field.json, ", ")), "</td><td>", escaped(field.help), "</td><td>", escaped(field.allowed), "</td></tr>");
  return page + "</table></html>\n";
}

}  // namespace imagent::server
