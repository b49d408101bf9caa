// The ControlNet extension's own routes (sd-webui-controlnet, scripts/api.py).
#include <algorithm>

#include "base/error.h"
#include "image/codec.h"
#include "server/a1111_controls.h"
#include "server/base64.h"
#include "server/json_at.h"
#include "server/routes_a1111.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

static Json model_names(const Service& service, std::initializer_list<CatalogKind> kinds = {CatalogKind::control, CatalogKind::ip_adapter}) {
  Json names = Json::array();
  for (const CatalogKind kind : kinds)
    for (const CatalogEntry& entry : service.catalog.list(kind)) names.push_back(entry.name);
  return names;
}

// Groups of models and preprocessors, from which clients build their menus.
static Json control_types(const Service& service) {
  const auto group = [](const std::vector<std::string>& modules, const Json& models, const char* first) {
    return Json{{"module_list", modules}, {"model_list", models}, {"default_option", first}, {"default_model", models.empty() ? Json("None") : models.front()}};
  };
  std::vector<std::string> clip = controlnet_modules();
  std::erase_if(clip, [](const std::string& module) { return !module.starts_with("ip-adapter"); });
  const Json controls = model_names(service, {CatalogKind::control});
  Json all = group(controlnet_modules(), model_names(service), "none");
  all["default_model"] = "None";
  return {{"control_types", {{"All", all}, {"Canny", group({"none", "canny"}, controls, "canny")}, {"T2I-Adapter", group({"none", "canny"}, controls, "none")},
                             {"IP-Adapter", group(clip, model_names(service, {CatalogKind::ip_adapter}), "ip-adapter-auto")}}}};
}

// Numbers that a preprocessor takes beside its picture, as sliders of a form.
static Json module_details() {
  Json details = Json::object();
  const auto slider = [](const char* name, int value, int low, int high) { return Json{{"name", name}, {"value", value}, {"min", low}, {"max", high}}; };
  for (const std::string& module : controlnet_modules()) details[module] = {{"model_free", false}, {"sliders", Json::array()}};
  details["canny"]["sliders"] = {slider("Preprocessor Resolution", 512, 64, 2048), slider("Canny Low Threshold", CannyThresholds{}.low, 1, 255),
                                 slider("Canny High Threshold", CannyThresholds{}.high, 1, 255)};
  return details;
}

// The preprocessors by themselves.
static void detect(const Service& service, Call& call) {
  const nlohmann::json body = call.json();
  const nlohmann::json* list = present(body, "controlnet_input_images");
  if (!list || !list->is_array()) throw HttpError{422, "image", "controlnet_input_images: should be a list of pictures"};
  if (list->empty()) throw HttpError{422, "image", "No image selected"};
  check(list->size() <= static_cast<size_t>(service.limits.max_pictures), ErrorKind::usage, "controlnet_input_images: at most ", service.limits.max_pictures, " pictures");
  const std::string module = text_at(body, "controlnet_module", "none");
  const double resolution = number_at(body, "controlnet_processor_res", -1, {-1, 8192});
  if (module.starts_with("ip-adapter")) throw HttpError{422, "usage", "Module not supported"};
  if (module != "none" && module != "canny") throw HttpError{422, "usage", "Module not available"};
  const Preprocessing how{.module = module, .resolution = resolution > 0 ? std::clamp(static_cast<int>(resolution), 64, 2048) : 0, .thresholds = thresholds_at(body, "controlnet_threshold_a", "controlnet_threshold_b")};
  const DecodeLimits limits{.max_pixels = service.limits.max_pixels};
  Json images = Json::array();
  for (const nlohmann::json& entry : *list) {
    if (!entry.is_string()) throw HttpError{422, "image", "controlnet_input_images: should be texts in Base64"};
    const Image picture = decode_image(base64_decode(entry.get<std::string>(), "controlnet_input_images"), limits);
    images.push_back(base64_encode(encode_image(preprocess(picture, how))));
  }
  call.reply(Json{{"images", images}, {"info", "Success"}});
}

std::vector<Route> controlnet_routes(Service& service) {
  const auto list = [](const char* path, const char* summary, std::function<Json()> answer) {
    return Route{.method = "GET", .path = path, .dialect = Dialect::a1111, .summary = summary, .handler = [answer = std::move(answer)](Call& call) { call.reply(answer()); }};
  };
  return {list("/controlnet/version", "Version of the ControlNet API", [] { return Json{{"version", 3}}; }),
          list("/controlnet/settings", "How many units there may be", [] { return Json{{"control_net_unit_count", 8}}; }),
          list("/controlnet/model_list", "ControlNet models", [&] { return Json{{"model_list", model_names(service)}}; }),
          list("/controlnet/module_list", "ControlNet preprocessors", [] { return Json{{"module_list", controlnet_modules()}, {"module_detail", module_details()}}; }),
          list("/controlnet/control_types", "ControlNet models and preprocessors in groups", [&] { return control_types(service); }),
          {.method = "POST", .path = "/controlnet/detect", .dialect = Dialect::a1111, .summary = "Preprocesses a picture for ControlNet",
           .handler = [&](Call& call) { detect(service, call); }, .body = Body::json}};
}

}  // namespace imagent::server
