// Hashes as the web UI writes them: modules/sd_models.py, sd_vae.py, processing.py (init_img_hash).
#include "pipeline/run_hashes.h"

#include <span>

#include "hub/digest.h"
#include "pipeline/model_hash.h"
#include "pipeline/named_files.h"

namespace imagent {

std::string picture_hash(const Image& picture) { return md5_of(std::as_bytes(std::span(picture.pixels))); }

std::string stamp_of_hashed(const RunContext& c) { return model_stamp(c.base.source()->path()) + model_stamp(c.request().vae); }

void note_hashes(RunContext& c) {
  const Request& r = c.request();
  const Cancelled cancelled = [cancel = c.events.cancel] { return cancel && *cancel; };
  const bool as_opened = c.files_stamp == stamp_of_hashed(c);
  if (as_opened || c.base.has_hash()) c.run.model_hash = c.base.hash(cancelled);
  if (as_opened && !r.vae.empty()) c.run.vae_hash = weights_hash(c.base.vae().source().weights->origin(), cancelled);
  if (r.init_image) c.run.init_image_hash = picture_hash(*r.init_image);
  if (r.init_image && r.mask) c.run.mask_hash = picture_hash(*r.mask);
}

}  // namespace imagent
