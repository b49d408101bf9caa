// Names of modules in adapter files.
#include "weights/lora_names.h"

#include <algorithm>
#include <map>
#include <set>

#include "weights/names_ldm.h"

namespace imagent {
namespace {

struct Prefixes {
  std::vector<std::string> underscored, dotted;
};

Prefixes prefixes_of(const std::string& part) {
  if (part == "text_encoder") return {{"lora_te_", "lora_te1_"}, {"text_encoder."}};
  if (part == "text_encoder_2") return {{"lora_te2_"}, {"text_encoder_2."}};
  // Training the UNet alone with PEFT or LyCORIS leaves no name of the part.
  return {{"lora_unet_", "lycoris_"}, {"unet.", "", "base_model.model.", "base_model.model.unet."}};
}

std::string underscored(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

}  // namespace

std::unordered_map<std::string, std::string> lora_module_names(const std::string& part, const std::vector<std::string>& tensors) {
  std::set<std::string> modules;
  for (const std::string& tensor : tensors)
    if (const size_t dot = tensor.rfind('.'); dot != std::string::npos) modules.insert(tensor.substr(0, dot));

  const Prefixes prefixes = prefixes_of(part);
  std::unordered_map<std::string, std::string> names;
  const auto add = [&](const std::string& name, const std::string& module) {
    for (const std::string& prefix : prefixes.underscored) names.emplace(prefix + underscored(name), module);
    for (const std::string& prefix : prefixes.dotted) names.emplace(prefix + name, module);
  };
  for (const std::string& module : modules) {
    add(module, module);
    // diffusers' attention processors, the first LoRA files of all, called the output's only linear layer by its list.
    constexpr std::string_view first_of_list = ".to_out.0";
    if (module.ends_with(first_of_list)) add(module.substr(0, module.size() - 2), module);
  }
  if (part == "unet")
    for (const auto& [module, original] : ldm_unet_modules(tensors)) {
      names.emplace("lora_unet_" + underscored(original), module);
      for (const char* prefix : {"diffusion_model.", "model.diffusion_model."}) names.emplace(prefix + original, module);
    }
  return names;
}

}  // namespace imagent
