// The AUTOMATIC1111 web UI's ControlNet extension (sd-webui-controlnet: internal_controlnet/external_code.py, scripts/controlnet.py,
// scripts/processor.py): its units, and its preprocessor.
#pragma once
#include "image/canny.h"
#include "server/service.h"

namespace imagent::server {

// The units of alwayson_scripts.controlnet.args that are switched on, as the job's controls and IP-Adapters: pictures of controls
// are preprocessed and fitted to the drawn size here. The job has its size, and its picture to start from, which units without a
// picture look at. Errors: usage, image, model.
void read_controlnet(const Service& service, Job& job, const nlohmann::json& body);

// The pictures that the extension appends to its answer: what each control looked at.
std::vector<std::string> detected_maps(const Service& service, const Job& job, const nlohmann::json& body);

std::vector<std::string> controlnet_modules();   // all that units may name

// The preprocessor `module` ("canny", "none"); `resolution`: pixels of the shorter side on which it works, 0: as the picture is.
// Errors: HttpError 422 for another one.
struct Preprocessing {
  std::string module = "none";
  int resolution = 0;
  CannyThresholds thresholds = {};
};
Image preprocess(const Image& picture, const Preprocessing& how);

// Of a unit or of /controlnet/detect, under the names that this has, such as "threshold_a"; absent and negative ones are Canny's own.
CannyThresholds thresholds_at(const nlohmann::json& body, const char* low, const char* high);

}  // namespace imagent::server
