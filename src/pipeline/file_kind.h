// Weight files that are no whole model: saying what they are instead.
#pragma once
#include <map>
#include <string>

#include "weights/rearranged.h"

namespace imagent {

using LdmParts = std::map<std::string, TensorTable>;  // weights/names_ldm.h

// What a weight file seems to be ("a VAE only"); "": none of the kinds that are known. A whole model is not told from its parts.
std::string kind_of(const Source& file);

// Errors: model or unsupported, when the file is no whole Stable Diffusion model: a LoRA, a VAE, a text encoder, another
// architecture. `parts`: those of ldm_parts().
void require_whole_model(const Source& file, const LdmParts& parts);

}  // namespace imagent
