// ControlNets in a run: their hints, when they count, and what they say to a batch of rows.
#pragma once
#include <span>
#include <vector>

#include "pipeline/loaded_controlnet.h"
#include "pipeline/request.h"

namespace imagent {

struct Control {
  const ControlNetModel* model = nullptr;
  Tensor hint{};                     // [1,h,w,C], embedded
  std::vector<float> scales{};       // as ControlNetModel takes them
  double start = 0, end = 1;         // part of the steps
  bool counts_touched_steps = false; // A1111: the step in which `end` lies counts, too
  bool conditional_only = false;     // guess mode: rows of the negative prompt do not see it

  bool active(int step, int steps) const;
};

// The picture as the ControlNet sees it: RGB of the drawn picture's size, preprocessed.
Image control_hint(const ControlUnit& unit, Size size);

// One for each of the request's units, for pictures of that size. Errors: usage, when one is made for another model.
std::vector<Control> make_controls(std::span<LoadedControlNet* const> nets, const Request& request, Size size, const UNetEncoder& unet);

std::vector<const Control*> active_controls(const std::vector<Control>& controls, int step, int steps);

struct ControlRow {
  std::span<const Control* const> controls;
  bool conditional = true;           // of the prompt, not of the negative one
};

// The sum of what the rows' ControlNets say, zero for rows without; nothing when no row has one. sample [N,h,w,4].
UNetResiduals control_residuals(const Tensor& sample, const UNetConditions& conditions, std::span<const ControlRow> rows);

}  // namespace imagent
