// Errors as HTTP statuses and bodies.
#include "server/http_error.h"

namespace imagent::server {

const char* name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage: return "usage";
    case ErrorKind::model: return "model";
    case ErrorKind::hub: return "hub";
    case ErrorKind::gated: return "gated";
    case ErrorKind::tokenizer: return "tokenizer";
    case ErrorKind::unsupported: return "unsupported";
    case ErrorKind::memory: return "memory";
    case ErrorKind::image: return "image";
    case ErrorKind::io: return "io";
    case ErrorKind::cancelled: return "cancelled";
    case ErrorKind::internal: break;
  }
  return "internal";
}

const char* name_of(Dialect dialect) {
  switch (dialect) {
    case Dialect::own: return "own";
    case Dialect::a1111: return "a1111";
    case Dialect::openai: return "openai";
    case Dialect::sdcpp: break;
  }
  return "sdcpp";
}

HttpError http_error(const std::string& kind, const std::string& text) {
  struct Row {
    const char* kind;
    int status;
  };
  for (const Row& row : {Row{"usage", 400}, Row{"image", 422}, Row{"unsupported", 501}, Row{"memory", 503}, Row{"cancelled", 409}})
    if (kind == row.kind) return {.status = row.status, .kind = kind, .text = text};
  return {.status = 500, .kind = kind, .text = text};
}

HttpError http_error(const Error& error) {
  if (error.kind == ErrorKind::model) return {.status = 404, .kind = "model", .text = error.text};
  return http_error(name_of(error.kind), error.text);
}

static const char* openai_type(int status) {
  if (status == 401) return "authentication_error";
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

HttpError in_dialect(Dialect dialect, HttpError error) {
  if (dialect != Dialect::a1111 || error.status != 400) return error;
  error.status = 422;
  error.kind = "validation";
  return error;
}

// FastAPI's list of what is wrong with a body, of one entry: where, what, which kind. Our texts begin with the field's name.
static nlohmann::ordered_json validation_detail(const HttpError& e) {
  using Json = nlohmann::ordered_json;
  const size_t end = e.text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789");
  const bool named = end != std::string::npos && end > 0 && (e.text[end] == ':' || e.text[end] == '[' || (e.text[end] == ' ' && e.text.find_first_of("\"-0123456789", end) == end + 1));
  Json where = {"body"};
  if (named) where.push_back(e.text.substr(0, end));
  return Json::array({Json{{"loc", where}, {"msg", e.text}, {"type", "value_error"}}});
}

nlohmann::ordered_json error_body(Dialect dialect, const HttpError& e) {
  using Json = nlohmann::ordered_json;
  switch (dialect) {
    case Dialect::a1111:
      if (e.kind == "validation") return {{"detail", validation_detail(e)}, {"error", "RequestValidationError"}, {"body", ""}, {"errors", e.text}};
      return {{"error", e.status == 422 ? "UnprocessableEntity" : "HTTPException"}, {"detail", e.text}, {"body", ""}, {"errors", e.text}};
    case Dialect::openai:
      return {{"error", {{"message", e.text}, {"type", openai_type(e.status)}, {"param", e.param.empty() ? Json() : Json(e.param)}, {"code", e.kind}}}};
    case Dialect::sdcpp: return {{"error", e.kind}, {"message", e.text}};
    case Dialect::own: break;
  }
  return {{"error", {{"kind", e.kind}, {"message", e.text}}}};
}

}  // namespace imagent::server
