// Which runs may be under way on one engine at the same time.
#pragma once
#include <filesystem>
#include <string>

#include "pipeline/request.h"

namespace imagent {

// Runs with the same key use the same models with the same adapters and draw pictures of the same size: none of them changes
// what the others have loaded. `model` and `refiner` ("": none) are where they were found.
std::string sharing_key(const Request& request, const std::filesystem::path& model, const std::filesystem::path& refiner);

}  // namespace imagent
