// Pictures without a model: their metadata, and making them larger (modules/api/api.py: pnginfoapi, extras_single_image_api).
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "image/canny.h"
#include "image/codec.h"
#include "image/infotext.h"
#include "image/resize.h"
#include "server/base64.h"
#include "server/routes_a1111.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

static std::vector<uint8_t> picture_at(const nlohmann::json& body, const char* key) {
  const auto found = body.find(key);
  if (found == body.end() || !found->is_string()) throw HttpError{422, "image", str(key, ": should be a picture in Base64")};
  return base64_decode(found->get_ref<const std::string&>(), key);
}

static void png_info(Call& call) {
  const std::string text = read_parameters(picture_at(call.json(), "image"));
  Json parameters = Json::object(), items = Json::object();
  if (!text.empty()) {
    const Infotext info = read_infotext(text);
    parameters = {{"Prompt", info.prompt}, {"Negative prompt", info.negative_prompt}};
    for (const auto& [key, value] : info.parameters) parameters[key] = value;
    items["parameters"] = text;
  }
  call.reply(Json{{"info", text}, {"items", items}, {"parameters", parameters}});
}

static double number_at(const nlohmann::json& body, const char* key, double fallback, double low, double high) {
  const auto found = body.find(key);
  if (found == body.end() || found->is_null()) return fallback;
  const bool good = found->is_number() && found->get<double>() >= low && found->get<double>() <= high;
  check(good, ErrorKind::usage, key, ": should be a number from ", low, " to ", high);
  return found->get<double>();
}

// Scaled until it covers width x height, the rest cut off evenly.
static Image resize_and_crop(const Image& image, int width, int height, Resample filter) {
  const double scale = std::max(static_cast<double>(width) / image.width, static_cast<double>(height) / image.height);
  const Image large = resize(image, std::max(width, static_cast<int>(std::lround(image.width * scale))), std::max(height, static_cast<int>(std::lround(image.height * scale))), filter);
  Image out(width, height, image.channels);
  const int left = (large.width - width) / 2, top = (large.height - height) / 2;
  for (int y = 0; y < height; ++y) std::copy_n(large.at(left, top + y), static_cast<size_t>(width) * image.channels, out.at(0, y));
  return out;
}

static Image enlarge(const Service& service, const Image& image, const nlohmann::json& body) {
  const auto found = body.find("upscaler_1");
  const std::string name = found != body.end() && found->is_string() ? found->get<std::string>() : "None";
  if (name == "None") return image;
  if (name != "Lanczos" && name != "Nearest") throw HttpError{422, "usage", str("Upscaler '", name.substr(0, 60), "' not found")};
  const Resample filter = name == "Nearest" ? Resample::nearest : Resample::lanczos;
  int width, height;
  const bool to_size = number_at(body, "resize_mode", 0, 0, 1) == 1;
  if (to_size) {
    width = static_cast<int>(number_at(body, "upscaling_resize_w", 512, 1, 16384));
    height = static_cast<int>(number_at(body, "upscaling_resize_h", 512, 1, 16384));
  } else {
    const double factor = number_at(body, "upscaling_resize", 2, 0.01, 16);
    width = std::max(1, static_cast<int>(std::min(image.width * factor, 65536.0)));
    height = std::max(1, static_cast<int>(std::min(image.height * factor, 65536.0)));
  }
  const int64_t most = 16 * service.limits.max_pixels;
  check(int64_t{width} * height <= most, ErrorKind::usage, "the picture would have ", int64_t{width} * height, " pixels, at most ", most, " are made");
  return to_size ? resize_and_crop(image, width, height, filter) : resize(image, width, height, filter);
}

static std::string enlarged(const Service& service, const std::vector<uint8_t>& file, const nlohmann::json& body) {
  const DecodeLimits limits{.max_pixels = 16 * service.limits.max_pixels};
  return base64_encode(encode_image(enlarge(service, decode_image(file, limits), body), {.parameters = read_parameters(file)}));
}

static void extra_single(const Service& service, Call& call) {
  const nlohmann::json body = call.json();
  call.reply(Json{{"html_info", ""}, {"image", enlarged(service, picture_at(body, "image"), body)}});
}

static void extra_batch(const Service& service, Call& call) {
  const nlohmann::json body = call.json();
  const auto list = body.find("imageList");
  if (list == body.end() || !list->is_array()) throw HttpError{422, "image", "imageList: should be a list of {\"data\", \"name\"}"};
  check(list->size() <= static_cast<size_t>(service.limits.max_pictures), ErrorKind::usage, "imageList: at most ", service.limits.max_pictures, " pictures");
  Json images = Json::array();
  for (const nlohmann::json& entry : *list) images.push_back(enlarged(service, picture_at(entry.is_object() ? entry : nlohmann::json::object(), "data"), body));
  call.reply(Json{{"html_info", ""}, {"images", images}});
}

// The ControlNet extension's preprocessors by themselves.
static void detect(const Service& service, Call& call) {
  const nlohmann::json body = call.json();
  const auto module = body.find("controlnet_module"), list = body.find("controlnet_input_images");
  if (module == body.end() || *module != "canny") throw HttpError{422, "usage", "controlnet_module: should be canny"};
  if (list == body.end() || !list->is_array()) throw HttpError{422, "image", "controlnet_input_images: should be a list of pictures"};
  check(list->size() <= static_cast<size_t>(service.limits.max_pictures), ErrorKind::usage, "controlnet_input_images: at most ", service.limits.max_pictures, " pictures");
  const auto threshold = [&](const char* name, int fallback) {
    const auto found = body.find(name);
    return found != body.end() && found->is_number() && found->get<double>() > 0 ? static_cast<int>(std::min(found->get<double>(), 4096.0)) : fallback;
  };
  const CannyThresholds thresholds{threshold("controlnet_threshold_a", CannyThresholds{}.low), threshold("controlnet_threshold_b", CannyThresholds{}.high)};
  const DecodeLimits limits{.max_pixels = service.limits.max_pixels};
  Json images = Json::array();
  for (const nlohmann::json& entry : *list) {
    if (!entry.is_string()) throw HttpError{422, "image", "controlnet_input_images: should be texts in Base64"};
    const Image edges = canny_edges(decode_image(base64_decode(entry.get<std::string>(), "controlnet_input_images"), limits), thresholds);
    images.push_back(base64_encode(encode_image(edges)));
  }
  call.reply(Json{{"images", images}, {"info", "Success"}});
}

std::vector<Route> a1111_extra_routes(Service& service) {
  const auto route = [](const char* path, const char* summary, Handler handler) {
    return Route{.method = "POST", .path = path, .dialect = Dialect::a1111, .summary = summary, .handler = std::move(handler), .body = Body::json};
  };
  return {route("/sdapi/v1/png-info", "The parameters in a picture", [](Call& call) { png_info(call); }),
          route("/sdapi/v1/extra-single-image", "Makes a picture larger", [&](Call& call) { extra_single(service, call); }),
          route("/sdapi/v1/extra-batch-images", "Makes pictures larger", [&](Call& call) { extra_batch(service, call); }),
          route("/sdapi/v1/interrogate", "Describes a picture: there is no model for it", [](Call&) { throw HttpError{404, "not_found", "Model not found"}; }),
          route("/controlnet/detect", "Preprocesses a picture for ControlNet", [&](Call& call) { detect(service, call); })};
}

}  // namespace imagent::server
