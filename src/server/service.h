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
  std::atomic<int> loading = 0;               // models that are being loaded for them
  std::string loaded = {};                    // what was loaded for them, and not unloaded since: paths of the model and its VAE
};

struct Service {
  Queue& queue;
  Store& store;
  const Catalog& catalog;
  ModelHashes& hashes;
  Upscaling& upscaling;
  Downloads* downloads = nullptr;             // null: callers may not fetch models
  PictureLimits limits;
  int max_waiting = 64;                       // jobs in the queue
  std::function<bool()> ready;                // the worker takes jobs
  std::function<bool()> stopping;             // the server ends: waiting handlers give up
  double started = 0;                         // seconds since 1970
  std::string device = {};                    // what draws, a name of backends.cpp, and on how many threads
  int threads = 0;
  // Both wait for the pictures in hand, until `cancel` is raised. Errors: those of Engine.
  std::function<void(const Request& request, const std::atomic<bool>& cancel)> load_model = {};
  std::function<void(const std::atomic<bool>& cancel)> unload_models = {};  // they load again when they are needed
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

// Does what may take long on the caller's thread; its flag is raised when he goes away or the server stops. Errors: those of
// `work`, as of a job.
void work_for_caller(Service& service, const std::function<void(const std::atomic<bool>& cancel)>& work);

// stable-diffusion.cpp's way to say more in other dialects: takes <sd_cpp_extra_args>{...}</sd_cpp_extra_args> out of the body's
// prompt, and what it holds, which is a body of POST /sdcpp/v1/img_gen, into the job. Errors: HttpError 400, 501; those of a body.
void take_extra_args(const Service& service, Job& job, nlohmann::json& body);

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
