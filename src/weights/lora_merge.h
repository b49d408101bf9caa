// The arithmetic of adapters: what each kind makes of a weight. LyCORIS lycoris/functional; formulas of the papers named in
// lora_file.h.
#pragma once
#include <span>
#include <string>

#include "weights/lora_file.h"

namespace imagent {

// "" when the change fits a weight of this shape, otherwise what does not.
std::string misfit(const LoraModule& module, const Shape& weight);

struct LoraStrength {
  float multiplier = 1;  // 0: nothing changes; may be negative
  int rank = 0;          // of a LoRA only so many ranks are used, 0: all

  bool operator==(const LoraStrength&) const = default;
};

// Changes a weight [out,in,...] that the module fits: w + multiplier * (changed - w).
void merge_lora(std::span<float> weight, const Shape& shape, const LoraModule& module, const LoraStrength& strength);

// Adds a change of the same size: of a bias.
void add_scaled(std::span<float> to, const TensorView& change, float multiplier);

}  // namespace imagent
