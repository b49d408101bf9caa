// Names of the original latent diffusion code (github.com/CompVis/latent-diffusion, Stability-AI/generative-models), as
// single files carry them, and what diffusers and transformers call the same tensors.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "weights/rearranged.h"

namespace imagent {

// Part ("unet", "vae", "text_encoder", "text_encoder_2", "controlnet") -> diffusers' names of its tensors and where they
// lie in the file. Parts that the file lacks are absent, and so are tensors that no part needs (averaged copies, tables of
// the noise schedule, losses). A tensor of a part with a name that nobody knows keeps it. `names`: sorted.
std::map<std::string, TensorTable> ldm_parts(const std::vector<std::string>& names);

// The way back: where a single file holds the tensors of these parts, and how. Its ldm_parts() are these tables.
struct PartNames {
  std::vector<std::string> names;  // diffusers', sorted
  bool open_clip = false;          // a text encoder made by OpenCLIP, which has a naming of its own
};
std::map<std::string, TensorTable> ldm_places(const std::map<std::string, PartNames>& parts);

// The same for files that name a UNet's modules and not its tensors: diffusers' name of a module -> the
// original one ("down_blocks.0.resnets.0.conv1" -> "input_blocks.1.0.in_layers.2"). `names`: of the UNet's tensors as
// diffusers calls them, sorted.
std::map<std::string, std::string> ldm_unet_modules(const std::vector<std::string>& names);

}  // namespace imagent
