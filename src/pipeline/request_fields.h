// The fields of a Request, listed once.
#pragma once
#include <vector>

#include "pipeline/field.h"
#include "pipeline/request.h"

namespace imagent {

// Flags, JSON names (of our own dialect, the A1111 web UI and OpenAI), ranges and help of everything a request can say.
const std::vector<Field<Request>>& request_fields();

// Checks a whole request, however it was made. Errors: usage, naming the field, its value and what is allowed.
void validate(const Request& request);

}  // namespace imagent
