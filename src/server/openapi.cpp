// OpenAPI and the docs page.
#include "server/openapi.h"

#include "base/str.h"
#include "base/version.h"
#include "pipeline/request_fields.h"
#include "server/job_request.h"
#include "server/route_details.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

// "a whole number from 1 to 150" as the words of a JSON schema.
static Json schema_of(const FieldInfo& field) {
  if (field.kind == FieldKind::toggle) return {{"type", "boolean"}};
  if (field.kind == FieldKind::list) return {{"type", "array"}, {"items", {{"type", field.parts.empty() ? "string" : "object"}}}};
  const bool whole = field.allowed.starts_with("a whole number") || field.allowed.starts_with("a multiple of");
  if (!whole && !field.allowed.starts_with("a number")) return {{"type", "string"}};
  Json schema = {{"type", whole ? "integer" : "number"}};
  const std::vector<std::string_view> words = split(field.allowed, ' ');
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    double limit = 0;
    if ((words[i] == "from" || words[i] == "to") && parse_number(std::string(words[i + 1]), limit)) schema[words[i] == "from" ? "minimum" : "maximum"] = limit;
  }
  return schema;
}

// Every field of a picture. The texts of numbers and switches are taken, too.
static Json picture_schema() {
  Json properties = Json::object();
  for (const FieldInfo& field : infos(request_fields())) {
    const bool listed = is_catalog_field(field.name);
    if (field.names_file && !listed) continue;  // of this machine: not from callers
    const std::string allowed = listed ? "a name of /v1/capabilities" : field.allowed;
    std::string help = field.help;
    if (!field.json.empty()) help += str(help.empty() ? "" : ". ", "Also: ", join(field.json, ", "));
    Json property = schema_of(field);
    property["description"] = help.empty() ? allowed : str(help, " (", allowed, ")");
    property["nullable"] = true;
    if (!field.choices.empty()) property["example"] = field.choices.front();
    if (!field.default_text.empty()) property["x-default"] = field.default_text;
    properties[field.name] = std::move(property);
  }
  return {{"type", "object"}, {"properties", properties}, {"additionalProperties", true}};
}

static Json parameter_schema(const Parameter& parameter) {
  Json schema = {{"type", parameter.type == "file" ? "string" : parameter.type}};
  if (parameter.type == "file") schema["format"] = "binary";
  if (parameter.type == "array") schema["items"] = Json::object();
  if (!parameter.help.empty()) schema["description"] = parameter.help;
  return schema;
}

static Json body_of(const Route& route, const RouteDetails& details) {
  Json own = {{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", true}};
  for (const Parameter& member : details.body) own["properties"][member.name] = parameter_schema(member);
  const Json picture = {{"$ref", "#/components/schemas/Picture"}};
  const Json schema = route.body == Body::json ? own : Json{{"allOf", {picture, own}}};
  return {{"content", {{route.body == Body::multipart ? "multipart/form-data" : "application/json", {{"schema", schema}}}}}};
}

static Json parameters_of(const std::string& path, const RouteDetails& details) {
  Json parameters = Json::array();
  for (const std::string_view part : split(path, '/'))
    if (part.starts_with("{"))
      parameters.push_back({{"name", std::string(part.substr(1, part.size() - 2))}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  for (const Parameter& parameter : details.query)
    parameters.push_back({{"name", parameter.name}, {"in", "query"}, {"required", false}, {"description", parameter.help}, {"schema", {{"type", parameter.type}}}});
  return parameters;
}

// Errors as examples of themselves: each dialect has a shape of its own.
static Json error_answer(Dialect dialect) {
  const Json example = error_body(dialect, in_dialect(dialect, {.status = 400, .kind = "usage", .text = "steps: should be a whole number"}));
  return {{"description", "An error in the dialect's shape"}, {"content", {{"application/json", {{"schema", {{"type", "object"}}}, {"example", example}}}}}};
}

static Json operation_of(const Route& route) {
  const RouteDetails details = details_of(route.method, route.path);
  Json success = {{"description", route.summary}, {"content", {{details.answer, {{"schema", details.answer == "application/json" ? Json::object() : Json{{"type", "string"}}}}}}}};
  Json responses = {{std::to_string(details.status), std::move(success)}, {"default", error_answer(route.dialect)}};
  Json operation = {{"tags", {name_of(route.dialect)}}, {"summary", route.summary}, {"responses", std::move(responses)}};
  if (const Json parameters = parameters_of(route.path, details); !parameters.empty()) operation["parameters"] = parameters;
  if (route.body != Body::none) operation["requestBody"] = body_of(route, details);
  if (route.open) operation["security"] = Json::array();
  return operation;
}

Json openapi(const Router& router) {
  Json paths = Json::object();
  for (const Route& route : router.routes()) paths[route.path][lower_ascii(route.method)] = operation_of(route);
  return {{"openapi", "3.0.3"},
          {"info", {{"title", "imagent"}, {"version", version}}},
          {"paths", paths},
          {"security", {Json::object(), {{"basic", Json::array()}}, {{"bearer", Json::array()}}}},
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
