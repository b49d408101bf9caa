// ControlNets in a run. diffusers pipeline_controlnet.py; A1111's extension sd-webui-controlnet, scripts/hook.py.
#include "pipeline/control.h"

#include <algorithm>

#include "image/canny.h"
#include "image/resize.h"

namespace imagent {

bool Control::active(int step, int steps) const {
  const double n = std::max(steps, 1);
  return step / n >= start && (counts_touched_steps ? step : step + 1) / n <= end;
}

Image control_hint(const ControlUnit& unit, Size size) {
  const Image picture = resize(to_rgb(*unit.image), size.width, size.height);
  return unit.preprocess == Preprocessor::canny ? canny_edges(picture) : picture;
}

static Tensor embed_hint(LoadedControlNet& net, const Image& hint) {
  const Tensor pixels = upload(net.backend(), {1, hint.height, hint.width, 3}, unit_from_image(hint));
  return net.model().controlnet_cond_embedding(cast(pixels, net.compute()));
}

std::vector<Control> make_controls(std::span<LoadedControlNet* const> nets, const Request& request, Size size, const UNetEncoder& unet) {
  const bool webui = request.compat == Compat::a1111;
  std::vector<Control> controls;
  for (size_t i = 0; i < nets.size(); ++i) {
    const ControlUnit& unit = request.controls[i];
    const ControlNetModel& model = nets[i]->model();
    const int64_t width = model.context_width(), wanted = unet.context_width();
    check(width == wanted, ErrorKind::usage, "the ControlNet ", nets[i]->files().name, " reads text of width ", width, ", the model's has ", wanted,
          ": it is made for another kind of model");
    check(model.add_embedding.has_value() == unet.add_embedding.has_value(), ErrorKind::usage, "the ControlNet ", nets[i]->files().name,
          " is made for another kind of model: only one of the two looks at sizes and pooled text");
    const GuessMode guess = !unit.guess ? GuessMode::none : webui ? GuessMode::webui : GuessMode::diffusers;
    controls.push_back({.model = &model,
                        .hint = embed_hint(*nets[i], control_hint(unit, size)),
                        .scales = control_scales(unit.strength, guess, model.residual_count()),
                        .start = unit.start,
                        .end = unit.end,
                        .counts_touched_steps = webui,
                        .conditional_only = unit.guess});
  }
  return controls;
}

std::vector<const Control*> active_controls(const std::vector<Control>& controls, int step, int steps) {
  std::vector<const Control*> active;
  for (const Control& control : controls)
    if (control.active(step, steps)) active.push_back(&control);
  return active;
}

namespace {

using Indices = std::vector<int64_t>;

Tensor select_rows(const Tensor& x, const Indices& rows) {
  std::vector<Tensor> parts;
  for (const int64_t row : rows) parts.push_back(x.rows(row, row + 1));
  return concat_rows(parts);
}

// The rows at their places among `count`, zeros elsewhere.
Tensor spread_rows(const Tensor& x, const Indices& rows, int64_t count) {
  Shape one = x.shape();
  one[0] = 1;
  const Tensor zeros = cast(upload(x.backend(), one, std::vector<float>(static_cast<size_t>(one.numel()))), x.dtype());
  std::vector<Tensor> parts(static_cast<size_t>(count), zeros);
  for (size_t i = 0; i < rows.size(); ++i) parts[static_cast<size_t>(rows[i])] = x.rows(static_cast<int64_t>(i), static_cast<int64_t>(i) + 1);
  return concat_rows(parts);
}

UNetConditions select_conditions(const UNetConditions& c, const Indices& rows) {
  UNetConditions out;
  out.context = select_rows(c.context, rows);
  if (c.text_embeds) out.text_embeds = select_rows(c.text_embeds, rows);
  const size_t ids = c.time_ids.size() / c.timesteps.size();
  for (const int64_t row : rows) {
    out.timesteps.push_back(c.timesteps[static_cast<size_t>(row)]);
    const auto first = c.time_ids.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(row) * ids);
    out.time_ids.insert(out.time_ids.end(), first, first + static_cast<std::ptrdiff_t>(ids));
  }
  return out;
}

UNetResiduals residuals_of(const Control& control, const Tensor& sample, const UNetConditions& c, const Indices& rows) {
  const int64_t count = sample.dim(0);
  const bool all = static_cast<int64_t>(rows.size()) == count;
  const std::vector<Tensor> hints(rows.size(), control.hint);
  if (all) return (*control.model)(sample, c, concat_rows(hints), control.scales);
  UNetResiduals residuals = (*control.model)(select_rows(sample, rows), select_conditions(c, rows), concat_rows(hints), control.scales);
  for (Tensor& x : residuals.down) x = spread_rows(x, rows, count);
  residuals.mid = spread_rows(residuals.mid, rows, count);
  return residuals;
}

void add(UNetResiduals& sum, UNetResiduals more) {
  if (!sum) {
    sum = std::move(more);
    return;
  }
  check(sum.down.size() == more.down.size(), ErrorKind::usage, "the ControlNets have ", sum.down.size(), " and ", more.down.size(),
        " outputs on their way down: they are made for different models");
  for (size_t i = 0; i < sum.down.size(); ++i) sum.down[i] = std::move(sum.down[i]) + std::move(more.down[i]);
  sum.mid = std::move(sum.mid) + std::move(more.mid);
}

}  // namespace

UNetResiduals control_residuals(const Tensor& sample, const UNetConditions& conditions, std::span<const ControlRow> rows) {
  std::vector<std::pair<const Control*, Indices>> controls;  // in the order of the request, with the rows that see it
  for (size_t i = 0; i < rows.size(); ++i)
    for (const Control* control : rows[i].controls) {
      if (control->conditional_only && !rows[i].conditional) continue;
      auto entry = std::find_if(controls.begin(), controls.end(), [&](const auto& known) { return known.first == control; });
      if (entry == controls.end()) entry = controls.insert(entry, {control, {}});
      entry->second.push_back(static_cast<int64_t>(i));
    }
  UNetResiduals sum;
  for (const auto& [control, seen_by] : controls) add(sum, residuals_of(*control, sample, conditions, seen_by));
  return sum;
}

}  // namespace imagent
