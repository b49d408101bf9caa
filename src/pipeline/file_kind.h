// Weight files that are no whole model: saying what they are instead.
#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "weights/rearranged.h"

namespace imagent {

using LdmParts = std::map<std::string, TensorTable>;  // weights/names_ldm.h

// What a weight file seems to be ("a VAE only"); "": none of the kinds that are known. A whole model is not told from its parts.
std::string kind_of(const Source& file);

// Errors: model or unsupported, when the file is no whole Stable Diffusion model: a LoRA, a VAE, a text encoder, another
// architecture. `parts`: those of ldm_parts(). `elsewhere`: whether a text encoder or VAE that the file lacks is at hand.
void require_whole_model(const Source& file, const LdmParts& parts, const std::function<bool(const std::string& part)>& elsewhere = {});

// "lora", "vae", "text encoder", "unet", "part", "controlnet", "t2i-adapter", "ip-adapter",
// "embedding", "image encoder", "upscaler", another architecture ("sd3"), "unknown";
// "" for a Stable Diffusion model. `names`: all tensors of the file.
std::string kind_of_weights(const std::vector<std::string>& names, const LdmParts& parts);
// The same for a file; "damaged" when it is no weight file.
std::string kind_of_file(const std::filesystem::path& file);

}  // namespace imagent
