// Hashes as the web UI writes them: modules/sd_models.py, sd_vae.py, processing.py (init_img_hash).
#include "pipeline/run_hashes.h"

#include <span>

#include "hub/digest.h"
#include "pipeline/model_hash.h"

namespace imagent {

std::string picture_hash(const Image& picture) { return md5_of(std::as_bytes(std::span(picture.pixels))); }

void note_hashes(RunContext& c) {
  const Request& r = c.request();
  const ModelSource& source = *c.base.source();
  const bool half = size_of(c.base.compute()) == 2;
  const Cancelled cancelled = [cancel = c.events.cancel] { return cancel && *cancel; };
  c.run.model_hash = c.base.hash(cancelled);
  if (!r.vae.empty()) c.run.vae_hash = weights_hash(source.weights("vae", half)->origin(), cancelled);
  if (r.init_image) c.run.init_image_hash = picture_hash(*r.init_image);
  if (r.init_image && r.mask) c.run.mask_hash = picture_hash(*r.mask);
}

}  // namespace imagent
