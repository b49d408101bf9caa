// Groups of request fields that have files of their own. Private to request_fields*.cpp.
#pragma once
#include "pipeline/request_fields.h"

namespace imagent {

std::vector<Field<Request>> image_fields();  // image to image, inpainting, outpainting, editing
std::vector<Field<Request>> lora_fields();
std::vector<Field<Request>> hires_fields();
std::vector<Field<Request>> seed_fields();   // variations, seed resize, ENSD

// A name of the lists of samplers and schedules, by any spelling.
Rule<Request> sampler_name(std::string Request::*member);
Rule<Request> schedule_name(std::string Request::*member);

}  // namespace imagent
