// The gallery: pictures that were drawn here, with search, favourites and deletion.
#include <httplib.h>

#include "base/error.h"
#include "server/job_view.h"
#include "server/service.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

static Picture find_picture(Service& service, const Call& call) {
  std::optional<Picture> picture = service.store.find(call.path.at("id"));
  if (!picture) throw HttpError{404, "not_found", "there is no such picture"};
  return std::move(*picture);
}

static void list_pictures(Service& service, Call& call) {
  long long limit = 50, offset = 0;
  const std::string limit_text = call.parameter("limit"), offset_text = call.parameter("offset"), favourites = call.parameter("favourites");
  check(limit_text.empty() || (parse_number(limit_text, limit) && limit >= 0 && limit <= 1000), ErrorKind::usage, "limit: should be a whole number from 0 to 1000");
  check(offset_text.empty() || (parse_number(offset_text, offset) && offset >= 0 && offset <= 1000000000), ErrorKind::usage, "offset: should be a whole number from 0 up");
  const PicturePage page = service.store.list({.search = call.parameter("search"), .job = call.parameter("job"),
                                               .favourites = favourites == "true" || favourites == "1", .limit = static_cast<int>(limit), .offset = static_cast<int>(offset)});
  Json pictures = Json::array();
  for (const Picture& picture : page.pictures) pictures.push_back(view_of(picture));
  call.reply(Json{{"pictures", pictures}, {"total", page.total}, {"limit", limit}, {"offset", offset}});
}

static void send_file(Service& service, Call& call) {
  const Picture picture = find_picture(service, call);
  const std::vector<uint8_t> file = service.store.read_file(picture);
  call.response.status = 200;
  call.response.set_header("Cache-Control", "private, max-age=31536000, immutable");
  call.response.set_content(reinterpret_cast<const char*>(file.data()), file.size(), mime_type(format_of_content(file)));
}

static void change_picture(Service& service, Call& call) {
  const Picture picture = find_picture(service, call);
  const nlohmann::json body = call.json();
  const auto favourite = body.find("favourite");
  check(favourite != body.end() && favourite->is_boolean(), ErrorKind::usage, "favourite: should be true or false");
  service.store.set_favourite(picture.id, favourite->get<bool>());
  call.reply(view_of(find_picture(service, call)));
}

static void remove_picture(Service& service, Call& call) {
  service.store.remove(find_picture(service, call).id);
  call.reply(Json::object());
}

std::vector<Route> gallery_routes(Service& service) {
  const std::string one = "/v1/gallery/{id}";
  return {
      {.method = "GET", .path = "/v1/gallery", .summary = "Pictures, newest first (search, favourites, job, limit, offset)",
       .handler = [&](Call& call) { list_pictures(service, call); }},
      {.method = "GET", .path = one, .summary = "What is known about a picture", .handler = [&](Call& call) { call.reply(view_of(find_picture(service, call))); }},
      {.method = "GET", .path = one + "/file", .summary = "The picture itself", .handler = [&](Call& call) { send_file(service, call); }},
      {.method = "PATCH", .path = one, .summary = "Marks a picture as a favourite, or not ({\"favourite\": true})",
       .handler = [&](Call& call) { change_picture(service, call); }, .body = Body::json},
      {.method = "DELETE", .path = one, .summary = "Deletes a picture", .handler = [&](Call& call) { remove_picture(service, call); }},
  };
}

}  // namespace imagent::server
