// Request fields about autoencoders and seamless pictures.
#include "pipeline/field_rules.h"
#include "pipeline/request_field_groups.h"

namespace imagent {

std::vector<Field<Request>> vae_fields() {
  return {
      {{.name = "vae", .flags = {"--vae"}, .json = {"sd_vae"}, .group = "Model", .value = "PATH",
        .help = "Another autoencoder: a folder or a file, also a tiny one (TAESD)", .default_text = "the model's own"},
       rule::path(&Request::vae)},
      {{.name = "taesd", .flags = {"--taesd"}, .json = {}, .group = "Model", .value = "PATH",
        .help = "A tiny autoencoder for previews (--preview every:N:taesd)", .default_text = "none"},
       rule::path(&Request::taesd)},
      {{.name = "vae_tiling", .flags = {"--vae-tiling"}, .json = {}, .group = "Model", .value = "",
        .help = "The autoencoder works tile by tile, also where memory would do for the whole picture", .default_text = "", .kind = FieldKind::toggle},
       rule::toggle(&Request::vae_tiling)},
      {{.name = "tiling", .flags = {"--tiling"}, .json = {}, .group = "Picture", .value = "",
        .help = "A picture that can be put side by side with itself without seams", .default_text = "", .kind = FieldKind::toggle},
       rule::toggle(&Request::tiling)},
  };
}

}  // namespace imagent
