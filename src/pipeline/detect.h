// What a single file in the original naming is, told by the names and shapes of its tensors and by its metadata.
#pragma once
#include <string>

#include "models/t2i_adapter.h"
#include "pipeline/file_kind.h"
#include "pipeline/model_source.h"

namespace imagent {

// The configuration of a whole model; `prediction` as in ModelSource. Errors: unsupported, when its widths are those of no
// known family.
ModelConfig detect_model(const std::shared_ptr<const Source>& file, const LdmParts& parts, const std::string& prediction);

// "sd1", "sd2", "sdxl", "sdxl-refiner", "sd" for another width; "-inpaint", "-pix2pix" by the channels of its input.
std::string kind_of_unet(const Source& unet);

// The same for a ControlNet, whose tensors have diffusers' names. Errors: unsupported.
UNetConfig detect_controlnet(const Source& controlnet);

// A T2I-Adapter's, whose tensors have diffusers' names without "adapter.". Errors: unsupported.
T2IAdapterConfig detect_t2i_adapter(const Source& adapter);

// The vocabulary entry with which a text encoder's prompts are padded, by the encoder's width. Errors: unsupported.
std::string pad_token(const Source& text_encoder);

}  // namespace imagent
