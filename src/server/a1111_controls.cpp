// Units of the ControlNet extension.
#include "server/a1111_controls.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "image/codec.h"
#include "image/resize.h"
#include "pipeline/canvas.h"
#include "pipeline/field.h"
#include "server/base64.h"
#include "server/job_units.h"
#include "server/json_at.h"

namespace imagent::server {
namespace {

[[noreturn]] void refuse_module(const std::string& module) {
  throw HttpError{422, "usage", str("ControlNet: module ", quoted(module), ": there are ", join(controlnet_modules(), ", "), " here")};
}

std::vector<const nlohmann::json*> units_of(const nlohmann::json& body) {
  std::vector<const nlohmann::json*> units;
  const nlohmann::json* scripts = present(body, "alwayson_scripts");
  if (!scripts || !scripts->is_object()) return units;
  for (const auto& [name, script] : scripts->items()) {
    const nlohmann::json* list = lower_ascii(name) == "controlnet" && script.is_object() ? present(script, "args") : nullptr;
    if (!list || !list->is_array()) continue;
    for (const nlohmann::json& unit : *list)
      if (unit.is_object() && truth_at(unit, "enabled", true)) units.push_back(&unit);
  }
  return units;
}

// What the extension calls the image encoders of IP-Adapters. Here the adapter's own is taken, whatever it is called.
constexpr std::array clip_modules = {"ip-adapter-auto", "ip-adapter_clip_sd15", "ip-adapter_clip_sdxl", "ip-adapter_clip_sdxl_plus_vith", "ip-adapter_clip_h", "ip-adapter_clip_g"};

bool is_clip_module(const std::string& module) { return std::find(clip_modules.begin(), clip_modules.end(), module) != clip_modules.end(); }

std::string module_of(const nlohmann::json& unit) { return lower_ascii(text_at(unit, "module", "none")); }

// Whether the unit's model is an IP-Adapter of that folder. Errors: usage, model.
bool is_ip_adapter(const Service& service, const nlohmann::json& unit) {
  const std::string model = text_at(unit, "model");
  check(!model.empty() && model != "None", ErrorKind::usage, "ControlNet: model: is missing");
  const std::string module = module_of(unit);
  try {
    service.catalog.find(CatalogKind::ip_adapter, model);
  } catch (const Error&) {
    if (is_clip_module(module)) throw;
    service.catalog.find(CatalogKind::control, model);
    return false;
  }
  if (module != "none" && !is_clip_module(module)) refuse_module(module);
  return true;
}

// A number, or one of the extension's texts for it.
size_t choice_at(const nlohmann::json& unit, const char* key, size_t fallback, const std::vector<std::vector<std::string>>& choices) {
  const nlohmann::json* value = present(unit, key);
  if (!value) return fallback;
  for (size_t i = 0; i < choices.size(); ++i)
    if ((value->is_number() && *value == i) || (value->is_string() && std::count(choices[i].begin(), choices[i].end(), lower_ascii(value->get<std::string>())))) return i;
  fail(ErrorKind::usage, "ControlNet: ", key, ": should be a whole number from 0 to ", choices.size() - 1, " or ", choices[fallback].front());
}

// A picture under one of the names, in Base64, or as {"image": ..., "mask": ...}; "": there is none.
std::string text_of_picture(const nlohmann::json& unit, std::initializer_list<const char*> keys, const char* inner) {
  for (const char* key : keys) {
    const nlohmann::json* value = present(unit, key);
    if (value && value->is_object()) value = present(*value, inner);
    if (value && value->is_string() && !value->get_ref<const std::string&>().empty()) return value->get<std::string>();
  }
  return "";
}

std::string picture_text(const nlohmann::json& unit, const Job& job) {
  if (std::string own = text_of_picture(unit, {"image", "input_image"}, "image"); !own.empty()) return own;
  const auto start = job.inputs.find("init_image");
  check(start != job.inputs.end(), ErrorKind::usage, "ControlNet: image: is missing");
  return start->second;
}

Size drawn_size(const Job& job) {
  const auto side = [&](const char* name) {
    long long pixels = 0;
    const auto found = job.fields.find(name);
    return found != job.fields.end() && parse_number(found->second, pixels) && pixels > 0 && pixels <= 8192 ? static_cast<int>(pixels) : 0;
  };
  return {side("width"), side("height")};
}

// external_code.pixel_perfect_resolution: as many pixels as the drawn picture will show of it.
int perfect_resolution(const Image& picture, Size size, ResizeMode mode) {
  const double x = static_cast<double>(size.width) / picture.width, y = static_cast<double>(size.height) / picture.height;
  const double scale = mode == ResizeMode::fill ? std::min(x, y) : std::max(x, y);
  return static_cast<int>(std::lround(scale * std::min(picture.width, picture.height)));
}

Image hint_of(const nlohmann::json& unit, const Job& job, const Service& service) {
  const Size size = drawn_size(job);
  const int64_t pixels = int64_t{size.width} * size.height;
  check(pixels > 0 && pixels <= service.limits.max_pixels, ErrorKind::usage, "width and height: not allowed");
  const size_t mode = choice_at(unit, "resize_mode", 1, {{"just resize", "scale to fit (inner fit)"}, {"crop and resize", "envelope (outer fit)"}, {"resize and fill"}});
  const ResizeMode resize_mode = std::array{ResizeMode::stretch, ResizeMode::crop, ResizeMode::fill}[mode];
  const Image picture = decode_image(base64_decode(picture_text(unit, job), "ControlNet: image"), {}, "ControlNet: image");
  const double wanted = number_at(unit, "processor_res", -1, {-1, 8192});
  constexpr int usual_resolution = 512;
  Preprocessing how{.module = module_of(unit),
                    .resolution = truth_at(unit, "pixel_perfect") ? perfect_resolution(picture, size, resize_mode) : wanted > 0 ? static_cast<int>(wanted) : usual_resolution,
                    .thresholds = thresholds_at(unit, "threshold_a", "threshold_b")};
  how.resolution = std::clamp(how.resolution, 64, 2048);
  return fit_picture(preprocess(to_rgb(picture), how), size, resize_mode);
}

}  // namespace

CannyThresholds thresholds_at(const nlohmann::json& body, const char* low, const char* high) {
  const auto threshold = [&](const char* name, int fallback) {
    const nlohmann::json* value = present(body, name);
    return value && value->is_number() && value->get<double>() > 0 ? static_cast<int>(std::min(value->get<double>(), 4096.0)) : fallback;
  };
  return {threshold(low, CannyThresholds{}.low), threshold(high, CannyThresholds{}.high)};
}

Image preprocess(const Image& picture, const Preprocessing& how) {
  if (how.module == "none") return picture;
  if (how.module != "canny") refuse_module(how.module);
  if (how.resolution == 0) return canny_edges(picture, how.thresholds);
  const double scale = static_cast<double>(how.resolution) / std::min(picture.width, picture.height);
  const auto scaled = [&](int side) { return std::max(1, static_cast<int>(std::lround(std::min(side * scale, 65536.0)))); };
  check(int64_t{scaled(picture.width)} * scaled(picture.height) <= DecodeLimits{}.max_pixels, ErrorKind::image, "ControlNet: image: ", picture.width, "x", picture.height,
        ": too narrow to be preprocessed at ", how.resolution, " pixels");
  return canny_edges(resize(picture, scaled(picture.width), scaled(picture.height), scale > 1 ? Resample::bicubic : Resample::box), how.thresholds);
}

std::vector<std::string> controlnet_modules() {
  std::vector<std::string> modules = {"none", "canny"};
  modules.insert(modules.end(), clip_modules.begin(), clip_modules.end());
  return modules;
}

// Where the unit counts. The extension's own `mask` is for preprocessors that do not exist here.
static std::string region_of(const nlohmann::json& unit) {
  if (std::string region = text_of_picture(unit, {"effective_region_mask", "mask", "mask_image"}, "image"); !region.empty()) return region;
  const nlohmann::json* image = present(unit, "image");
  return image && image->is_object() ? text_at(*image, "mask") : "";
}

void read_controlnet(const Service& service, Job& job, const nlohmann::json& body) {
  constexpr size_t most = 8;
  const auto units = units_of(body);
  check(units.size() <= most, ErrorKind::usage, "ControlNet: ", units.size(), " units, at most ", most, " are taken");
  for (const nlohmann::json* unit : units) {
    nlohmann::json added = {{"model", text_at(*unit, "model")}, {"strength", number_at(*unit, "weight", 1, {0, 2})}};
    for (const char* part : {"start", "end"}) added[part] = number_at(*unit, str("guidance_", part).c_str(), *part == 'e', {0, 1});
    const size_t mode = choice_at(*unit, "control_mode", 0, {{"balanced"}, {"my prompt is more important"}, {"controlnet is more important"}});
    if (is_ip_adapter(service, *unit)) {  // modes are not for them
      add_unit(job, ip_adapter_units(), std::move(added), {picture_text(*unit, job), region_of(*unit)});
      continue;
    }
    added["mode"] = std::array{"balanced", "prompt", "control"}[mode];
    add_unit(job, control_units(), std::move(added), {base64_encode(encode_image(hint_of(*unit, job, service))), region_of(*unit)});
  }
}

std::vector<std::string> detected_maps(const Service& service, const Job& job, const nlohmann::json& body) {
  std::vector<std::string> maps;
  size_t control = 0;
  for (const nlohmann::json* unit : units_of(body)) {
    if (is_ip_adapter(service, *unit)) continue;
    std::string picture = unit_picture(job, control_units(), control++);
    if (truth_at(*unit, "save_detected_map", true)) maps.push_back(std::move(picture));
  }
  return maps;
}

}  // namespace imagent::server
