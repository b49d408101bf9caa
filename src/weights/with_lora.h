// A decorator over a Source: the weights of one part of a model with adapters merged into them.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "weights/lora_file.h"
#include "weights/lora_merge.h"

namespace imagent {

// Which of a part's tensors a file changes.
struct LoraTargets {
  std::map<std::string, const LoraModule*> weights, biases;  // by the part's own name of the tensor
  std::map<std::string, std::string> misfits;                // modules of the file that the part has, in another shape: why
};
// `part`: "unet", "text_encoder", "text_encoder_2"; `base` its tensors as diffusers calls them. Errors: model, when two
// modules of the file mean the same layer.
LoraTargets lora_targets(const LoraFile& file, const std::string& part, const Source& base);

// How much of a file a whole model has a place for.
struct LoraCoverage {
  size_t modules = 0, applied = 0;
  std::vector<std::string> misfits;  // "MODULE: why" of the others
};
LoraCoverage lora_coverage(const LoraFile& file, const std::vector<const LoraTargets*>& parts);

// Errors: model, unless all of the file is applied: how much is not, which modules, and why. `model`: its name.
void require_complete(const LoraCoverage& coverage, const LoraFile& file, const std::string& model);

struct LoraUse {
  std::shared_ptr<const LoraFile> file;
  LoraStrength strength;

  bool operator==(const LoraUse&) const = default;
};

// What merged tensors come as. `base`: as before, so that a file can be written again (kinds that cannot be written: f32).
enum class MergedType { base, f32 };

// `base` with all `uses` merged in their order; tensors that nothing changes are the base's own. A merged tensor is computed
// by each find() and kept by nobody. Errors of find(): model, naming the module whose values are not finite.
std::shared_ptr<const Source> with_lora(std::shared_ptr<const Source> base, const std::string& part, const std::vector<LoraUse>& uses,
                                        MergedType type = MergedType::base);

}  // namespace imagent
