// What all routes share: queue, store, catalog, limits; and how a handler waits for its job.
#pragma once
#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "server/catalog.h"
#include "server/downloads.h"
#include "server/job_request.h"
#include "server/model_hashes.h"
#include "server/queue.h"
#include "server/router.h"
#include "server/store.h"
#include "server/upscaling.h"

namespace imagent::server {

// The web UI's settings that its clients read and write; shared by all of them, as there.
struct SharedOptions {
  std::mutex mutex;
  nlohmann::ordered_json values;
};

struct Service {
  Queue& queue;
  Store& store;
  const Catalog& catalog;
  ModelHashes& hashes;
  Upscaling& upscaling;
  Downloads* downloads = nullptr;             // null: callers may not fetch models
  PictureLimits limits;
  std::function<bool()> ready;                // the worker takes jobs
  std::function<bool()> stopping;             // the server ends: waiting handlers give up
  double started = 0;                         // seconds since 1970
  std::string device = {};                    // what draws, a name of backends.cpp, and on how many threads
  int threads = 0;
  std::function<void()> unload_models = {};   // they load again when they are needed; waits for the picture in hand
  SharedOptions options = {};
  std::string page = {};                      // the web page; "": there is none
};

// Checks the job, queues it and returns its id. Errors: of check_job, QueueFull.
std::string submit(Service& service, Call& call, Job job);

// Waits until the job has ended. A caller who goes away cancels it. Errors: HttpError of a failed or cancelled job.
JobStatus wait_for(Service& service, const std::string& job);

// Submits, waits, and gives the pictures' files in Base64.
struct Finished {
  JobStatus status;
  std::vector<std::string> images;
};
Finished draw_now(Service& service, Call& call, Job job);
std::vector<std::string> images_of(Service& service, const JobStatus& status);

// All routes of a dialect. Each file makes its own (routes_*.cpp).
std::vector<Route> own_routes(Service& service);
std::vector<Route> job_routes(Service& service);
std::vector<Route> gallery_routes(Service& service);
std::vector<Route> download_routes(Service& service);
std::vector<Route> openai_routes(Service& service);
std::vector<Route> sdcpp_routes(Service& service);
std::vector<Route> tokenize_routes(Service& service);
std::vector<Route> about_routes(Service& service, const Router& router);

}  // namespace imagent::server
