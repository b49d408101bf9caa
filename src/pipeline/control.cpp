// Networks that steer a run. diffusers pipeline_controlnet.py, pipeline_stable_diffusion_adapter.py; A1111's extension sd-webui-controlnet, scripts/hook.py.
#include "pipeline/control.h"

#include <algorithm>

#include "image/canny.h"
#include "image/resize.h"
#include "nn/region.h"
#include "pipeline/region.h"

namespace imagent {

Image control_hint(const ControlUnit& unit, Size size) {
  const Image picture = resize(to_rgb(*unit.image), size.width, size.height);
  return unit.preprocess == Preprocessor::canny ? canny_edges(picture) : picture;
}

namespace {

Tensor upload_hint(const LoadedControl& control, const Image& hint) {
  return cast(upload(control.backend(), {1, hint.height, hint.width, hint.channels}, unit_from_image(hint)), control.compute());
}

Tensor scaled(const Tensor& x, float scale) { return scale == 1 ? x : axpby(scale, x, 0, x); }

void check_family(const ControlNetModel& model, const std::string& name, const UNetEncoder& unet) {
  const int64_t width = model.context_width(), wanted = unet.context_width();
  check(width == wanted, ErrorKind::usage, "the ControlNet ", name, " reads text of width ", width, ", the model's has ", wanted, ": it is made for another kind of model");
  check(model.add_embedding.has_value() == unet.add_embedding.has_value(), ErrorKind::usage, "the ControlNet ", name,
        " is made for another kind of model: only one of the two looks at sizes and pooled text");
}

void check_family(const std::vector<Tensor>& maps, const std::string& name, const UNetEncoder& unet, Size size) {
  const std::vector<Shape> levels = unet.level_shapes(size.height / 8, size.width / 8);
  bool fits = maps.size() == levels.size() || maps.size() + 1 == levels.size();
  for (size_t i = 0; fits && i < maps.size(); ++i) fits = Shape{maps[i].dim(1), maps[i].dim(2), maps[i].dim(3)} == levels[i];
  const auto listed = [](const auto& shapes, const auto& shape_of) {
    std::string text;
    for (const auto& shape : shapes) text += str(text.empty() ? "" : ", ", shape_of(shape));
    return text;
  };
  check(fits, ErrorKind::usage, "the T2I-Adapter ", name, " gives maps of ", listed(maps, [](const Tensor& map) { return Shape{map.dim(1), map.dim(2), map.dim(3)}; }),
        ", the model's levels are ", listed(levels, [](const Shape& shape) { return shape; }), ": it is made for another kind of model");
}

Control steer(LoadedControl& loaded, const ControlNetModel& model, const ControlUnit& unit, Size size, GuessMode guess) {
  return {.model = &model,
          .hint = model.controlnet_cond_embedding(upload_hint(loaded, control_hint(unit, size))),
          .scales = control_scales(unit.strength, guess, model.residual_count())};
}

Control steer(LoadedControl& loaded, const T2IAdapter& adapter, const ControlUnit& unit, Size size, GuessMode guess) {
  const auto whole = [&](int side) { return (side + adapter.config.downscale - 1) / adapter.config.downscale * adapter.config.downscale; };
  Image hint = control_hint(unit, {whole(size.width), whole(size.height)});
  if (adapter.picture_channels() == 1) hint = to_gray(hint);
  Control control{.maps = adapter(upload_hint(loaded, hint))};
  const std::vector<float> scales = adapter_scales(unit.strength, guess != GuessMode::none, control.maps.size());
  for (size_t i = 0; i < scales.size(); ++i) control.maps[i] = scaled(control.maps[i], scales[i]);
  return control;
}

// Only the extension has a mode in which the prompt leads.
GuessMode guess_mode(ControlMode mode, bool webui) {
  if (mode == ControlMode::balanced) return GuessMode::none;
  return webui || mode == ControlMode::prompt ? GuessMode::webui : GuessMode::diffusers;
}

}  // namespace

std::vector<Control> make_controls(std::span<LoadedControl* const> loaded, const Request& request, Size size, const UNetEncoder& unet) {
  const bool webui = request.compat == Compat::a1111;
  std::vector<Control> controls;
  for (size_t i = 0; i < loaded.size(); ++i) {
    const ControlUnit& unit = request.controls[i];
    const std::string& name = loaded[i]->files().name;
    const GuessMode guess = guess_mode(unit.mode, webui);
    const ControlNetwork& network = loaded[i]->network();
    if (const auto* model = std::get_if<ControlNetModel>(&network)) check_family(*model, name, unet);
    Control control = std::visit([&](const auto& net) { return steer(*loaded[i], net, unit, size, guess); }, network);
    if (!control.model) check_family(control.maps, name, unet, size);
    control.window = {unit.start, unit.end, webui};
    control.conditional_only = unit.mode == ControlMode::control;
    control.regions = region_maps(unit.region, size, unet, loaded[i]->backend());
    for (Tensor& map : control.maps) map = in_region(std::move(map), control.regions);
    controls.push_back(std::move(control));
  }
  return controls;
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
  if (!control.model) {
    UNetResiduals residuals;
    for (const Tensor& map : control.maps) {
      const Tensor repeated = concat_rows(std::vector<Tensor>(rows.size(), map));
      residuals.maps.push_back(all ? repeated : spread_rows(repeated, rows, count));
    }
    return residuals;
  }
  const Tensor hints = concat_rows(std::vector<Tensor>(rows.size(), control.hint));
  UNetResiduals residuals = all ? (*control.model)(sample, c, hints, control.scales)
                                : (*control.model)(select_rows(sample, rows), select_conditions(c, rows), hints, control.scales);
  for (Tensor& x : residuals.down) x = in_region(std::move(x), control.regions);
  residuals.mid = in_region(std::move(residuals.mid), control.regions);
  if (all) return residuals;
  for (Tensor& x : residuals.down) x = spread_rows(x, rows, count);
  residuals.mid = spread_rows(residuals.mid, rows, count);
  return residuals;
}

void add(std::vector<Tensor>& sum, std::vector<Tensor> more) {
  if (sum.empty()) sum.resize(more.size());
  check(sum.size() == more.size() || more.empty(), ErrorKind::usage, "the networks that steer have ", sum.size(), " and ", more.size(),
        " outputs: they are made for different models");
  for (size_t i = 0; i < more.size(); ++i) sum[i] = sum[i] ? std::move(sum[i]) + std::move(more[i]) : std::move(more[i]);
}

void add(UNetResiduals& sum, UNetResiduals more) {
  add(sum.down, std::move(more.down));
  add(sum.maps, std::move(more.maps));
  if (more.mid) sum.mid = sum.mid ? std::move(sum.mid) + std::move(more.mid) : std::move(more.mid);
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
