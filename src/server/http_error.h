// What a request is answered when it fails: a status, a kind and a sentence; each dialect has its own shape for them.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace imagent::server {

enum class Dialect { own, a1111, openai, sdcpp };

struct HttpError {
  int status = 500;
  std::string kind{};          // of Error, or "auth", "busy", "not_found", "too_large", ...
  std::string text{};
  std::string param = {};      // the field at fault, when it is known (OpenAI)
  int retry_after_s = 0;
};

const char* name_of(ErrorKind kind);
const char* name_of(Dialect dialect);

// Of a job that failed: usage 400, image 422, unsupported 501, memory 503, cancelled 409, everything else 500.
HttpError http_error(const std::string& kind, const std::string& text);
// Of a request that was refused: the same, and 404 for a model that is not there.
HttpError http_error(const Error& error);

// As the dialect says it: what the web UI's framework finds wrong with a body is 422 there, not 400.
HttpError in_dialect(Dialect dialect, HttpError error);

// Of an error as in_dialect() gives it.
nlohmann::ordered_json error_body(Dialect dialect, const HttpError& error);

}  // namespace imagent::server
