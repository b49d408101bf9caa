// Groups of request fields that have files of their own. Private to request_fields*.cpp.
#pragma once
#include "pipeline/request_fields.h"

namespace imagent {

std::vector<Field<Request>> vae_fields();    // autoencoders, seamless pictures
std::vector<Field<Request>> image_fields();  // image to image, inpainting, outpainting, editing
std::vector<Field<Request>> lora_fields();

}  // namespace imagent
