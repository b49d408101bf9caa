// The ControlNet extension's own routes (sd-webui-controlnet, scripts/api.py).
#include "base/error.h"
#include "image/codec.h"
#include "server/a1111_controls.h"
#include "server/base64.h"
#include "server/json_at.h"
#include "server/routes_a1111.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

static const Json modules = {"none", "canny"};

static Json model_names(const Service& service) {
  Json names = Json::array();
  for (const CatalogEntry& entry : service.catalog.list(CatalogKind::control)) names.push_back(entry.name);
  return names;
}

// Groups of models and preprocessors, from which clients build their menus.
static Json control_types(const Service& service) {
  Json all = {{"module_list", modules}, {"model_list", model_names(service)}, {"default_option", "none"}, {"default_model", "None"}}, canny = all;
  canny["default_option"] = "canny";
  return {{"control_types", {{"All", all}, {"Canny", canny}}}};
}

// The preprocessors by themselves.
static void detect(const Service& service, Call& call) {
  const nlohmann::json body = call.json();
  const nlohmann::json* list = present(body, "controlnet_input_images");
  if (!list || !list->is_array()) throw HttpError{422, "image", "controlnet_input_images: should be a list of pictures"};
  check(list->size() <= static_cast<size_t>(service.limits.max_pictures), ErrorKind::usage, "controlnet_input_images: at most ", service.limits.max_pictures, " pictures");
  const Preprocessing how{.module = text_at(body, "controlnet_module", "none"), .resolution = 0, .thresholds = thresholds_at(body, "controlnet_threshold_a", "controlnet_threshold_b")};
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
          list("/controlnet/module_list", "ControlNet preprocessors", [] { return Json{{"module_list", modules}}; }),
          list("/controlnet/control_types", "ControlNet models and preprocessors in groups", [&] { return control_types(service); }),
          {.method = "POST", .path = "/controlnet/detect", .dialect = Dialect::a1111, .summary = "Preprocesses a picture for ControlNet",
           .handler = [&](Call& call) { detect(service, call); }, .body = Body::json}};
}

}  // namespace imagent::server
