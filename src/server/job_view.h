// Jobs and pictures as JSON of imagent's own dialect, shared by its routes.
#pragma once
#include <nlohmann/json.hpp>

#include "server/messages.h"

namespace imagent::server {

nlohmann::ordered_json view_of(const JobStatus& status);
nlohmann::ordered_json view_of(const Picture& picture);

// A field of what the job really used, else of what it asked for; "" when neither says.
std::string used_field(const JobStatus& status, const std::string& name);
nlohmann::json used_number(const JobStatus& status, const std::string& name, int fallback = 0);  // whole when it is

}  // namespace imagent::server
