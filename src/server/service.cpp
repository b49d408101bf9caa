// Waiting for jobs on behalf of a caller.
#include "server/service.h"

#include <condition_variable>
#include <exception>
#include <thread>

#include "server/base64.h"
#include "server/connection.h"

namespace imagent::server {

constexpr Wait look_around{250};   // how often a waiting handler looks whether its caller is still there

std::string submit(Service& service, Call& call, Job job) {
  check_job(job, service.catalog, service.limits);
  job.client = call.client;
  job.dialect = name_of(call.dialect);
  return service.queue.submit(std::move(job));
}

static bool has_ended(const JobEvent& event) { return event.type == "completed" || event.type == "failed" || event.type == "cancelled"; }

JobStatus wait_for(Service& service, const std::string& job) {
  Connection* caller = Connection::current();
  for (int64_t after = 0;;) {
    for (const JobEvent& event : service.queue.events({job, after, look_around})) {
      after = event.id;
      if (!has_ended(event)) continue;
      JobStatus status = service.queue.status(job).value_or(JobStatus{});
      if (status.state == JobState::completed) return status;
      if (status.state == JobState::failed) throw http_error(status.result.error_kind, status.result.error);
      throw HttpError{409, "cancelled", "the job was cancelled"};
    }
    if (service.stopping()) throw HttpError{.status = 503, .kind = "stopping", .text = str("the server stops; the job ", job, " stays in the queue"), .retry_after_s = 5};
    if (!caller || !caller->caller_gone()) continue;
    service.queue.cancel({job});
    throw HttpError{499, "cancelled", "the caller went away"};
  }
}

void work_for_caller(Service& service, const std::function<void(const std::atomic<bool>& cancel)>& work) {
  std::atomic<bool> cancel = false;
  std::mutex mutex;
  std::condition_variable news;
  bool done = false;
  std::thread watcher([&, caller = Connection::current()] {
    std::unique_lock lock(mutex);
    while (!news.wait_for(lock, look_around, [&] { return done; }))
      if (service.stopping() || (caller && caller->caller_gone())) cancel = true;
  });
  std::exception_ptr failure;
  try {
    work(cancel);
  } catch (...) {
    failure = std::current_exception();
  }
  {
    const std::lock_guard lock(mutex);
    done = true;
  }
  news.notify_one();
  watcher.join();
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const Error& error) {
    if (service.stopping()) throw HttpError{.status = 503, .kind = "stopping", .text = "the server stops", .retry_after_s = 5};
    throw http_error(name_of(error.kind), error.text);
  }
}

std::vector<std::string> images_of(Service& service, const JobStatus& status) {
  std::vector<std::string> images;
  for (const Picture& picture : status.result.pictures) images.push_back(base64_encode(service.store.read_file(picture)));
  return images;
}

Finished draw_now(Service& service, Call& call, Job job) {
  JobStatus status = wait_for(service, submit(service, call, std::move(job)));
  std::vector<std::string> images = images_of(service, status);
  return {std::move(status), std::move(images)};
}

}  // namespace imagent::server
