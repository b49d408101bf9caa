// Putting the server together.
#include "server/image_server.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/cores.h"
#include "base/environment.h"
#include "base/error.h"
#include "pipeline/model_lookup.h"
#include "server/routes_a1111.h"

namespace imagent {
extern const char web_page[];        // web/dist/index.html
extern const size_t web_page_size;
}  // namespace imagent

namespace imagent::server {

namespace fs = std::filesystem;

fs::path default_data_folder() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data && *data) return fs::path(data) / "imagent";
  return home_folder() / ".local" / "share" / "imagent";
}

// One server a data folder: two would take each other's jobs for lost ones.
class ImageServer::FolderLock {
 public:
  explicit FolderLock(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    const fs::path file = folder / "lock";
    descriptor_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check(descriptor_ >= 0, ErrorKind::io, "cannot write into the data folder ", folder.string(), "; --data-dir chooses another");
    if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
    close(descriptor_);
    fail(ErrorKind::io, "another server uses the data folder ", folder.string(), "; --data-dir chooses another");
  }
  ~FolderLock() { close(descriptor_); }

 private:
  int descriptor_;
};

static std::string read_page(const ServeOptions& options) {
  if (options.no_page) return "";
  if (options.page.empty()) return {web_page, web_page_size};
  std::ifstream in(options.page, std::ios::binary);
  check(in.good(), ErrorKind::usage, "--serve-html-path ", options.page.string(), ": cannot be read");
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Prompts and requests name LoRAs of the server's folder and no other files.
static EngineOptions with_folders(const ServeOptions& options) {
  EngineOptions engine = options.engine;
  engine.lora_dir = options.places.loras;
  engine.embeddings_dir = options.places.embeddings;
  engine.lora_paths = false;
  engine.offline = true;  // a caller's request downloads nothing
  return engine;
}

ImageServer::ImageServer(ServeOptions options)
    : options_(std::move(options)),
      lock_(std::make_unique<FolderLock>(options_.data_folder)),
      database_(std::make_shared<Database>(options_.data_folder / "imagent.db")),
      queue_(std::make_unique<LocalQueue>(database_, options_.queue)),
      store_(std::make_unique<Store>(database_, options_.data_folder)),
      catalog_(options_.places),
      engine_(with_folders(options_)),
      hashes_(engine_.lookup().builtin_model, engine_.backend().supports(DType::bf16)),
      upscaling_(catalog_, options_.engine) {
  if (options_.allow_downloads && options_.places.hub) downloads_ = std::make_unique<Downloads>(*options_.places.hub, engine_.backend().supports(DType::bf16));
  http_ = std::make_unique<HttpServer>(options_.http, router_);
  const auto until = [](const std::atomic<bool>& cancel) { return Events{.phase = {}, .progress = {}, .cancel = &cancel}; };
  service_ = std::unique_ptr<Service>(
      new Service{.queue = *queue_, .store = *store_, .catalog = catalog_, .hashes = hashes_, .upscaling = upscaling_, .downloads = downloads_.get(), .limits = options_.limits,
                  .max_waiting = options_.queue.max_waiting, .ready = [this] { return worker_ && worker_->ready(); }, .stopping = [this] { return http_->stopping(); },
                  .started = now(), .device = std::string(engine_.backend().name()), .threads = options_.engine.threads > 0 ? options_.engine.threads : usable_cores(),
                  .load_model = [this, until](const Request& request, const std::atomic<bool>& cancel) { engine_.load(request, until(cancel)); },
                  .unload_models = [this, until](const std::atomic<bool>& cancel) { engine_.unload_models(until(cancel)); }, .page = read_page(options_)});
  set_default_options(*service_);
  for (const auto& make : {own_routes, job_routes, gallery_routes, download_routes, a1111_picture_routes, a1111_state_routes, a1111_list_routes, a1111_extra_routes, controlnet_routes, openai_routes, sdcpp_routes})
    router_.add(make(*service_));
  router_.add(tokenize_routes(*service_));
  router_.add(about_routes(*service_, router_));
}

ImageServer::~ImageServer() { stop(); }

int ImageServer::start() {
  const int port = http_->bind();
  worker_ = std::make_unique<Worker>(*queue_, engine_, *store_, catalog_, options_.jobs_at_once);
  listener_ = std::thread([this] { http_->serve(); });
  return port;
}

void ImageServer::stop() {
  http_->end();
  queue_->close();
  if (listener_.joinable()) listener_.join();
  worker_.reset();
}

}  // namespace imagent::server
