// What a model's own files say about how to draw with it, for whatever a request leaves open.
#pragma once
#include "pipeline/model_folder.h"
#include "pipeline/request.h"

namespace imagent {

struct ModelDefaults {
  int width = 512, height = 512, steps = 25;
  float guidance_scale = 7.5f;
};

// From imagent.json beside model_index.json when there is one ("width", "height", "steps", "guidance_scale"), else by the
// kind of model: distilled ones (LCM, Turbo) take few steps, SDXL is guided a little less.
ModelDefaults model_defaults(const ModelFolder& folder, int sample_size);

// The request with everything filled in: size, steps, guidance and a seed. Errors: usage for values that no model can take.
Request with_defaults(Request request, const ModelDefaults& defaults);

}  // namespace imagent
