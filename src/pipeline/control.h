// ControlNets and T2I-Adapters in a run: their hints, when they count, and what they say to a batch of rows.
#pragma once
#include <span>
#include <vector>

#include "pipeline/loaded_control.h"
#include "pipeline/request.h"
#include "pipeline/step_window.h"

namespace imagent {

struct Control {
  const ControlNetModel* model = nullptr;  // none: it is a T2I-Adapter
  Tensor hint{};                     // [1,h,w,C], embedded
  std::vector<float> scales{};       // as ControlNetModel takes them
  std::vector<Tensor> maps{};        // [1,h,w,C] each: the T2I-Adapter's, times its strength
  StepWindow window{};
  bool conditional_only = false;     // it is more important than the prompt: rows of the negative one do not see it
  std::vector<Tensor> regions{};     // as in_region() takes them; a T2I-Adapter's maps have theirs in them
};

// The picture as the network sees it: RGB of the drawn picture's size, preprocessed.
Image control_hint(const ControlUnit& unit, Size size);

// One for each of the request's units, for pictures of that size. Errors: usage, when one is made for another model.
std::vector<Control> make_controls(std::span<LoadedControl* const> nets, const Request& request, Size size, const UNetEncoder& unet);

struct ControlRow {
  std::span<const Control* const> controls;
  bool conditional = true;           // of the prompt, not of the negative one
};

// The sum of what the rows' networks say, zero for rows without; nothing when no row has one. sample [N,h,w,4].
UNetResiduals control_residuals(const Tensor& sample, const UNetConditions& conditions, std::span<const ControlRow> rows);

}  // namespace imagent
