// What callers of the server send: bodies of every dialect up to the job that they mean, forms, and the headers that we read
// ourselves. Nothing is drawn: the queue takes no job.
#include <httplib.h>

#include "base/error.h"
#include "fuzz.h"
#include "server/base64.h"
#include "server/routes_a1111.h"
#include "server/secrets.h"

using namespace imagent;
using namespace imagent::server;

namespace {

struct FullQueue : Queue {
  std::string submit(Job job) override {
    from_text<Job>(to_text(job));     // every job can be stored
    throw QueueFull{};
  }
  bool cancel(const Cancel&) override { return false; }
  std::optional<JobStatus> status(const std::string&) override { return std::nullopt; }
  std::vector<JobStatus> jobs(const JobFilter&) override { return {}; }
  QueueCounts counts() override { return {}; }
  std::vector<JobEvent> events(const EventQuery&) override { return {}; }
  std::optional<Claim> claim(Wait) override { return std::nullopt; }
  Order heartbeat(const Heartbeat&) override { return Order::none; }
  void publish(JobEvent) override {}
  bool finish(const JobResult&) override { return false; }
  void release(const Heartbeat&) override {}
  int requeue_lost(double) override { return 0; }
  void close() override {}
};

// A server without an engine, in a folder that goes with the process.
struct Dialects {
  struct Folder {
    std::filesystem::path path;
    Folder() {
      std::string pattern = (std::filesystem::temp_directory_path() / "imagent_fuzz_XXXXXX").string();
      path = mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
  } folder;
  FullQueue queue;
  Store store{std::make_shared<Database>(folder.path / "imagent.db"), folder.path};
  Catalog catalog{CatalogPlaces{}};
  ModelHashes hashes{folder.path, false};
  Upscaling upscaling{catalog, "reference", 1};
  Service service{.queue = queue, .store = store, .catalog = catalog, .hashes = hashes, .upscaling = upscaling,
                  .limits = {.max_pixels = 256 * 256, .max_pictures = 4, .max_prompt = 1000}, .ready = [] { return true; }, .stopping = [] { return false; },
                  .load_model = [](const Request&, const std::atomic<bool>&) {}};
  std::vector<Route> routes;

  Dialects() {
    set_default_options(service);
    for (const auto& make : {own_routes, job_routes, a1111_picture_routes, a1111_state_routes, a1111_extra_routes, controlnet_routes, openai_routes, sdcpp_routes, download_routes})
      for (Route& route : make(service))
        if (route.body != Body::none) routes.push_back(std::move(route));
  }
};

// A form of "name=value" lines, pictures among them.
void fill_form(httplib::Request& request, std::string_view text) {
  request.headers.emplace("Content-Type", "multipart/form-data; boundary=x");
  for (const std::string_view line : split(text, '\n')) {
    const size_t at = line.find('=');
    if (at == line.npos) continue;
    const std::string name(line.substr(0, at));
    request.files.emplace(name, httplib::MultipartFormData{name, std::string(line.substr(at + 1)), "", ""});
  }
}

void call_route(const Route& route, std::string_view text) {
  httplib::Request request;
  httplib::Response response;
  request.method = route.method;
  request.path = route.path;
  request.body = text;
  if (route.body == Body::multipart) fill_form(request, text);
  Call call{request, response, route.dialect, {}, "somebody"};
  try {
    route.handler(call);
  } catch (const HttpError& error) {
    error_body(route.dialect, in_dialect(route.dialect, error)).dump();   // throws where the text is no UTF-8
    if (error.status == 500 && error.kind == "internal") throw Error{ErrorKind::internal, error.text};
  } catch (const QueueFull&) {
  } catch (const nlohmann::json::type_error&) {  // answered 400 (http_server.cpp)
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Dialects dialects;
  fuzz::Input input(data, size);
  const Route& route = dialects.routes[input.byte() % dialects.routes.size()];
  const std::string text(input.rest());
  fuzz::expect_answer(size, [&] { call_route(route, text); });
  fuzz::expect_answer(size, [&] { opens(text, "user:password", "key"); });
  fuzz::expect_answer(size, [&] { base64_decode(text, "picture"); });
  return 0;
}
