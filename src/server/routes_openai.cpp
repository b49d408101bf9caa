// OpenAI's image API (https://platform.openai.com/docs/api-reference/images, the types of its TypeScript SDK): generations,
// edits, variations, streamed or not, and the list of models.
#include <httplib.h>

#include <memory>

#include "base/error.h"
#include "image/codec.h"
#include "server/base64.h"
#include "server/job_view.h"
#include "server/sse.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

// A parameter's value was not one that OpenAI's API takes.
[[noreturn]] static void refuse(const char* param, const std::string& text) {
  throw HttpError{.status = 400, .kind = "invalid_value", .text = str(param, ": ", text), .param = param};
}

static std::string text_at(const nlohmann::json& body, const char* key, const std::string& fallback = "") {
  const auto found = body.find(key);
  if (found == body.end() || found->is_null()) return fallback;
  if (!found->is_string()) refuse(key, "should be a text");
  return found->get<std::string>();
}
static int whole_at(const nlohmann::json& body, const char* key, int fallback, int low, int high) {
  const auto found = body.find(key);
  if (found == body.end() || found->is_null()) return fallback;
  long long value = 0;  // a form has numbers as text
  const bool good = parse_number(found->is_string() ? found->get<std::string>() : found->dump(), value) && value >= low && value <= high;
  if (!good) refuse(key, str("should be a whole number from ", low, " to ", high));
  return static_cast<int>(value);
}
static std::string one_of(const nlohmann::json& body, const char* key, const std::string& fallback, std::initializer_list<const char*> allowed) {
  const std::string value = text_at(body, key, fallback);
  for (const char* choice : allowed)
    if (value == choice) return value;
  refuse(key, str("should be one of ", join({allowed.begin(), allowed.end()}, ", ")));
}

// What an answer repeats of its request.
struct ImageCall {
  Job job;
  bool url = false, stream = false;
  int partial_images = 0;
  std::string size, quality, event = "image_generation";
};

static void read_model(Service& service, Job& job, const nlohmann::json& body) {
  const std::string name = text_at(body, "model");
  for (const char* hosted : {"dall-e", "gpt-image", "chatgpt-image"})
    if (name.starts_with(hosted)) return;  // clients that cannot be told another name get the default model
  if (name.empty()) return;
  try {
    service.catalog.find(CatalogKind::model, name);
  } catch (const Error& error) {
    throw HttpError{.status = 404, .kind = "model_not_found", .text = error.text, .param = "model"};
  }
  job.fields["model"] = name;
}

static ImageCall read_call(Service& service, nlohmann::json body) {
  ImageCall call;
  Job& job = call.job;
  take_extra_args(service, job, body);
  if (trim(text_at(body, "prompt")).empty()) throw HttpError{.status = 400, .kind = "missing_required_parameter", .text = "prompt: is missing", .param = "prompt"};
  read_model(service, job, body);
  job.batches = whole_at(body, "n", 1, 1, 10);
  call.size = text_at(body, "size", "auto");
  call.quality = text_at(body, "quality", "auto");
  call.url = one_of(body, "response_format", "b64_json", {"b64_json", "url"}) == "url";
  job.format = one_of(body, "output_format", "png", {"png", "jpeg", "webp"});
  job.quality = whole_at(body, "output_compression", 100, 0, 100);
  const auto stream = body.find("stream");
  call.stream = stream != body.end() && (*stream == true || *stream == "true");
  call.partial_images = whole_at(body, "partial_images", 0, 0, 3);
  for (const char* other : {"model", "n", "quality", "preview", "model_config", "refiner"}) body.erase(other);
  try {
    read_fields(job, body);
  } catch (const Error& error) {
    throw HttpError{400, "invalid_value", error.text};
  }
  if (call.stream && call.partial_images > 0) {
    set_default(job, "steps", "25");
    long long steps = 25;
    parse_number(job.fields["steps"], steps);
    job.fields["preview"] = str("every:", std::max(1LL, steps / (call.partial_images + 1)), ":vae");
  }
  return call;
}

static std::string picture_size(const JobStatus& status) { return str(used_field(status, "width"), "x", used_field(status, "height")); }
static Json usage() {
  return {{"input_tokens", 0}, {"output_tokens", 0}, {"total_tokens", 0}, {"input_tokens_details", {{"image_tokens", 0}, {"text_tokens", 0}}}};
}

static void answer_pictures(Service& service, Call& call, const ImageCall& asked) {
  const JobStatus status = wait_for(service, submit(service, call, asked.job));
  const std::string base = "http://" + call.request.get_header_value("Host");
  Json data = Json::array();
  for (const Picture& picture : status.result.pictures)
    data.push_back(asked.url ? Json{{"url", base + "/v1/gallery/" + picture.id + "/file"}} : Json{{"b64_json", base64_encode(service.store.read_file(picture))}});
  call.reply(Json{{"created", static_cast<int64_t>(status.created)}, {"data", data}, {"output_format", asked.job.format}, {"size", picture_size(status)},
                  {"quality", asked.quality}, {"background", "opaque"}, {"usage", usage()}});
}

static std::string stream_event(const Json& event) { return sse_event(event.at("type"), event.dump(-1, ' ', false, Json::error_handler_t::replace)); }

static std::string last_events(Service& service, const ImageCall& asked, const std::string& job) {
  std::string text;
  const JobStatus status = service.queue.status(job).value_or(JobStatus{});
  for (const std::string& image : images_of(service, status))
    text += stream_event({{"type", asked.event + ".completed"}, {"b64_json", image}, {"created_at", static_cast<int64_t>(now())}, {"size", picture_size(status)},
                          {"quality", asked.quality}, {"background", "opaque"}, {"output_format", asked.job.format}, {"usage", usage()}});
  return text;
}

static void stream_pictures(Service& service, Call& call, const ImageCall& asked) {
  const std::string id = submit(service, call, asked.job);
  const auto index = std::make_shared<int>(0);
  const auto write = [&service, asked, index](const JobEvent& event) -> std::string {
    if (event.type == "preview" && *index < asked.partial_images)
      return stream_event({{"type", asked.event + ".partial_image"}, {"b64_json", event.data.value("image", "")}, {"partial_image_index", (*index)++},
                           {"created_at", static_cast<int64_t>(now())}, {"size", asked.size}, {"quality", asked.quality}, {"background", "opaque"}, {"output_format", "png"}});
    if (event.type == "completed") return last_events(service, asked, event.job);
    if (event.type != "failed" && event.type != "cancelled") return "";
    Json error = error_body(Dialect::openai, http_error(event.data.value("kind", event.type), event.data.value("error", "the job was cancelled")));
    error["type"] = "error";
    return stream_event(error);
  };
  stream_events(service, call, {.job = id, .write = write, .cancel_with_caller = true});
}

static void answer(Service& service, Call& call, const ImageCall& asked) { asked.stream ? stream_pictures(service, call, asked) : answer_pictures(service, call, asked); }

// OpenAI's masks are edited where they are transparent; ours where they are white.
static std::string mask_from_alpha(const std::string& file) {
  Image mask = alpha_of(decode_image({reinterpret_cast<const uint8_t*>(file.data()), file.size()}, {}, "mask"));
  for (uint8_t& value : mask.pixels) value = static_cast<uint8_t>(255 - value);
  return base64_encode(encode_image(mask));
}

// A form's texts as a JSON body; its pictures into the job's inputs.
static ImageCall read_form(Service& service, const httplib::Request& request, const std::string& prompt) {
  if (!request.is_multipart_form_data()) refuse("image", "should come as multipart/form-data");
  nlohmann::json body = nlohmann::json::object();
  std::map<std::string, std::string> inputs;
  for (const auto& [name, part] : request.files) {
    if (name == "image" || name == "image[]") {
      if (inputs.count("init_image")) refuse("image", "only one picture can be edited");
      inputs["init_image"] = base64_encode({reinterpret_cast<const uint8_t*>(part.content.data()), part.content.size()});
    } else if (name == "mask") {
      inputs["mask"] = mask_from_alpha(part.content);
    } else {
      body[name] = part.content;
    }
  }
  if (!prompt.empty()) body["prompt"] = prompt;
  ImageCall call = read_call(service, std::move(body));
  if (!inputs.count("init_image")) throw HttpError{.status = 400, .kind = "missing_required_parameter", .text = "image: is missing", .param = "image"};
  call.job.inputs.merge(inputs);
  call.event = "image_edit";
  return call;
}

static Json model_view(const CatalogEntry& entry) { return {{"id", entry.name}, {"object", "model"}, {"created", 0}, {"owned_by", "imagent"}}; }

static void list_models(Service& service, Call& call) {
  Json data = Json::array();
  for (const CatalogEntry& entry : service.catalog.list(CatalogKind::model)) data.push_back(model_view(entry));
  call.reply(Json{{"object", "list"}, {"data", data}});
}

static void one_model(Service& service, Call& call, const std::string& name) {
  try {
    call.reply(model_view(service.catalog.find(CatalogKind::model, name)));
  } catch (const Error& error) {
    throw HttpError{.status = 404, .kind = "model_not_found", .text = error.text, .param = "model"};
  }
}

std::vector<Route> openai_routes(Service& service) {
  const auto route = [](const char* method, const char* path, const char* summary, Handler handler, Body body = Body::none) {
    return Route{.method = method, .path = path, .dialect = Dialect::openai, .summary = summary, .handler = std::move(handler), .body = body};
  };
  return {route("POST", "/v1/images/generations", "Text to image; stream: true sends partial images", [&](Call& call) { answer(service, call, read_call(service, call.json())); },
                Body::picture),
          route("POST", "/v1/images/edits", "Image to image; a mask's transparent parts are drawn anew",
                [&](Call& call) { answer(service, call, read_form(service, call.request, "")); }, Body::multipart),
          route("POST", "/v1/images/variations", "Draws a picture like the given one", [&](Call& call) { answer(service, call, read_form(service, call.request, "a picture")); },
                Body::multipart),
          route("GET", "/v1/models", "Models", [&](Call& call) { list_models(service, call); }),
          route("GET", "/v1/models/{id}", "A model", [&](Call& call) { one_model(service, call, call.path.at("id")); }),
          route("GET", "/v1/models/{organisation}/{name}", "A model of the hub's cache",
                [&](Call& call) { one_model(service, call, call.path.at("organisation") + "/" + call.path.at("name")); })};
}

}  // namespace imagent::server
