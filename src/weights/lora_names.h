// How adapter files call the modules of a model: kohya's underscores, the original UNet's blocks, diffusers' and PEFT's dots.
// kohya-ss/sd-scripts networks/lora.py; diffusers loaders/lora_conversion_utils.py.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

namespace imagent {

// Name in a file -> the module's own name. Underscores cannot be turned back into dots, so the table is made from the
// names that the model has. `part`: "unet", "text_encoder", "text_encoder_2"; `tensors`: its tensors, sorted.
std::unordered_map<std::string, std::string> lora_module_names(const std::string& part, const std::vector<std::string>& tensors);

}  // namespace imagent
