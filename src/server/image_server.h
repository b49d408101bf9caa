// The whole server: data folder, queue, store, engine, worker, routes and HTTP, started and stopped together.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "pipeline/engine.h"
#include "server/http_server.h"
#include "server/local_queue.h"
#include "server/service.h"
#include "server/worker.h"

namespace imagent::server {

struct ServeOptions {
  HttpOptions http = {};
  std::filesystem::path data_folder;      // database and pictures
  CatalogPlaces places = {};
  QueueOptions queue = {};
  PictureLimits limits = {};
  EngineOptions engine = {};
  int jobs_at_once = 1;                   // jobs in the worker's hands
  std::filesystem::path page = {};        // an HTML file to serve at / in place of the built-in page
  bool no_page = false;
  bool allow_downloads = false;           // callers may fetch models from places.hub
};

// $XDG_DATA_HOME/imagent, else ~/.local/share/imagent.
std::filesystem::path default_data_folder();

class ImageServer {
 public:
  // Everything but listening. Errors: io (data folder in use, not writable), usage.
  explicit ImageServer(ServeOptions options);
  ~ImageServer();

  int start();        // listens and answers on threads of its own from here; the port
  void stop();        // a running job is cut short and waits in the queue for the next start

 private:
  class FolderLock;

  ServeOptions options_;
  std::unique_ptr<FolderLock> lock_;
  std::shared_ptr<Database> database_;
  std::unique_ptr<LocalQueue> queue_;
  std::unique_ptr<Store> store_;
  Catalog catalog_;
  Engine engine_;
  ModelHashes hashes_;
  Upscaling upscaling_;
  std::unique_ptr<Downloads> downloads_;
  Router router_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Worker> worker_;
  std::thread listener_;
};

}  // namespace imagent::server
