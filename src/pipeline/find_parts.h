// Names of the parts that a request adds to its model: VAE, ControlNets, LoRAs, upscaler. Files and folders stay what they
// are; aliases, ORG/NAME and ORG/NAME/FILE come from the model hub as models do.
#pragma once
#include "pipeline/model_lookup.h"

namespace imagent {

// The request with paths for names of the hub; other names are left to those who look for them elsewhere. Errors: those of
// find_model().
Request with_found_parts(const ModelLookup& lookup, Request request, const Events& events, bool prefer_half);

// How a part is called in a picture's parameters: a file by its name, a folder of the hub's cache by its repository's.
std::string part_name(const std::filesystem::path& path);

}  // namespace imagent
