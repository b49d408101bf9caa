// The fields of an IpAdapterUnit, and the list of them in a Request.
#pragma once
#include "pipeline/field.h"
#include "pipeline/request.h"

namespace imagent {

// Flags of one IP-Adapter; --ip-adapter begins it. Its picture is named by a path, as a ControlNet's is (control_fields.h).
const std::vector<Field<IpAdapterUnit>>& ip_adapter_fields();

Field<Request> ip_adapters_field();

// Errors: usage, for a unit without adapter or picture, or one that ends before it starts.
void validate_ip_adapters(const Request& request);

}  // namespace imagent
