// What a model's own files say about how to draw with it, for whatever a request leaves open.
#pragma once
#include <filesystem>

#include "pipeline/request.h"
#include "sampling/scheduler_config.h"

namespace imagent {

struct ModelDefaults {
  int width = 512, height = 512, steps = 25;
  float guidance_scale = 7.5f;
};

// By the kind of model: distilled ones (LCM, Turbo) take few steps, SDXL is guided a little less.
ModelDefaults model_defaults(const SchedulerFile& scheduler, int sample_size, bool sdxl);

// `defaults` replaced by what imagent.json, when there is one, says ("width", "height", "steps", "guidance_scale").
ModelDefaults with_own_file(ModelDefaults defaults, const std::filesystem::path& file);

// Of a model that adds noise to a picture: outpainting has nothing to keep.
double default_strength(const Request& request);
constexpr float default_image_guidance = 1.5f;

// The request with its seeds: drawn where it says -1.
Request with_seed(Request request);

// The request with everything filled in: size, steps, guidance and a seed. Errors: usage for values that no model can take.
Request with_defaults(Request request, const ModelDefaults& defaults);

}  // namespace imagent
