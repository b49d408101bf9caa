// Pictures without a model: their metadata, and making them larger (modules/api/api.py: pnginfoapi, extras_single_image_api).
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "image/codec.h"
#include "image/compose.h"
#include "image/infotext.h"
#include "server/base64.h"
#include "server/connection.h"
#include "server/json_at.h"
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

struct Target {
  Size size;                       // what the upscaler makes of the picture
  std::optional<Size> cut = {};    // and what is cut out of its middle
};

static Target target_of(const Image& image, const nlohmann::json& body) {
  const auto scaled = [&](double scale) {
    const auto side = [&](int pixels) { return std::max(1, static_cast<int>(std::min(pixels * scale, 65536.0))); };
    return Size{side(image.width), side(image.height)};
  };
  if (number_at(body, "resize_mode", 0, {0, 1}) == 0) return {scaled(number_at(body, "upscaling_resize", 2, {0.01, 16}))};
  const Size wanted{static_cast<int>(number_at(body, "upscaling_resize_w", 512, {1, 16384})), static_cast<int>(number_at(body, "upscaling_resize_h", 512, {1, 16384}))};
  const Size covering = scaled(std::max(static_cast<double>(wanted.width) / image.width, static_cast<double>(wanted.height) / image.height));
  const Size size{std::max(wanted.width, covering.width), std::max(wanted.height, covering.height)};
  if (!truth_at(body, "upscaling_crop", true)) return {size};
  return {size, wanted};
}

static Image enlarge_by(Service& service, const std::string& name, const Image& image, const Target& target) {
  bool network = false;
  try {
    network = service.upscaling.is_network(name);
  } catch (const Error&) {
    throw HttpError{422, "usage", str("Upscaler '", name.substr(0, 60), "' not found")};
  }
  const int64_t pixels = int64_t{target.size.width} * target.size.height, most = (network ? 4 : 16) * service.limits.max_pixels;
  check(pixels <= most, ErrorKind::usage, "the picture would have ", pixels, " pixels, at most ", most, " are made");
  Connection* caller = Connection::current();
  Image large = service.upscaling(name, image, target.size, [&] { return service.stopping() || (caller && caller->caller_gone()); });
  if (!target.cut) return large;
  return crop(large, {(large.width - target.cut->width) / 2, (large.height - target.cut->height) / 2, target.cut->width, target.cut->height});
}

static Image enlarge(Service& service, const Image& image, const nlohmann::json& body) {
  const std::string first = text_at(body, "upscaler_1", "None"), second = text_at(body, "upscaler_2", "None");
  for (const char* face : {"gfpgan_visibility", "codeformer_visibility"})
    check(number_at(body, face, 0, {0, 1}) == 0, ErrorKind::unsupported, face, ": faces are not restored here");
  if (first == "None") return image;
  const Target target = target_of(image, body);
  const Image large = enlarge_by(service, first, image, target);
  const double share = second == "None" ? 0 : number_at(body, "extras_upscaler_2_visibility", 0, {0, 1});
  if (share == 0) return large;
  return blend(large, enlarge_by(service, second, image, target), filled(large.width, large.height, 1, static_cast<uint8_t>(std::lround(255 * share))));
}

static std::string enlarged(Service& service, const std::vector<uint8_t>& file, const nlohmann::json& body) {
  const DecodeLimits limits{.max_pixels = 16 * service.limits.max_pixels};
  return base64_encode(encode_image(enlarge(service, decode_image(file, limits), body), {.parameters = read_parameters(file)}));
}

static void extra_single(Service& service, Call& call) {
  const nlohmann::json body = call.json();
  call.reply(Json{{"html_info", ""}, {"image", enlarged(service, picture_at(body, "image"), body)}});
}

static void extra_batch(Service& service, Call& call) {
  const nlohmann::json body = call.json();
  const auto list = body.find("imageList");
  if (list == body.end() || !list->is_array()) throw HttpError{422, "image", "imageList: should be a list of {\"data\", \"name\"}"};
  check(list->size() <= static_cast<size_t>(service.limits.max_pictures), ErrorKind::usage, "imageList: at most ", service.limits.max_pictures, " pictures");
  Json images = Json::array();
  for (const nlohmann::json& entry : *list) images.push_back(enlarged(service, picture_at(entry.is_object() ? entry : nlohmann::json::object(), "data"), body));
  call.reply(Json{{"html_info", ""}, {"images", images}});
}

std::vector<Route> a1111_extra_routes(Service& service) {
  const auto route = [](const char* path, const char* summary, Handler handler) {
    return Route{.method = "POST", .path = path, .dialect = Dialect::a1111, .summary = summary, .handler = std::move(handler), .body = Body::json};
  };
  return {route("/sdapi/v1/png-info", "The parameters in a picture", [](Call& call) { png_info(call); }),
          route("/sdapi/v1/extra-single-image", "Makes a picture larger", [&](Call& call) { extra_single(service, call); }),
          route("/sdapi/v1/extra-batch-images", "Makes pictures larger", [&](Call& call) { extra_batch(service, call); }),
          route("/sdapi/v1/interrogate", "Describes a picture: there is no model for it", [](Call&) { throw HttpError{404, "not_found", "Model not found"}; })};
}

}  // namespace imagent::server
