// The fields of a ControlUnit, and the list of them in a Request.
#pragma once
#include "pipeline/field.h"
#include "pipeline/request.h"

namespace imagent {

// Flags of one ControlNet; --control-net begins it. JSON names also as in the web UI's ControlNet extension. The picture is
// named by a path here: a server takes pictures from its clients, never paths, and sets ControlUnit::image itself.
const std::vector<Field<ControlUnit>>& control_fields();

Field<Request> controls_field();

// Errors: usage, for a unit without model or picture, or one that ends before it starts.
void validate_controls(const Request& request);

}  // namespace imagent
