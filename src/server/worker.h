// Takes jobs from the queue to the engine, and their pictures to the store. Several jobs are in hand at once: the engine draws
// those of one kind together, and while it does so the pictures of those that are drawn are encoded and stored.
#pragma once
#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/engine.h"
#include "server/catalog.h"
#include "server/queue.h"
#include "server/store.h"

namespace imagent::server {

class Worker {
 public:
  // Runs on threads of its own until it is destroyed.
  Worker(Queue& queue, Engine& engine, Store& store, const Catalog& catalog, int jobs_at_once = 1);
  ~Worker();                          // running jobs are cancelled and go back to the queue

  bool ready() const { return ready_; }

 private:
  // A job in hand, and what was asked of it.
  struct Running {
    Claim claim;
    std::atomic<bool> cancel = false;      // drop it
    std::atomic<bool> stop = false;        // end the running batch with what it has
    std::atomic<bool> last_batch = false;  // draw no further one
  };

  void work();
  void work_on(Claim claim);
  void keep_alive();                  // sends heartbeats, takes orders
  void draw(Running& running);
  bool finish(const JobResult& result);  // false: the claim is lost
  JobResult draw_batches(Running& running);
  void add_pictures(const Job& job, const Run& run, JobResult& result);
  Events events_of(Running& running, int batch, int batches);

  Queue& queue_;
  Engine& engine_;
  Store& store_;
  const Catalog& catalog_;
  std::atomic<bool> stopping_ = false, ready_ = false;
  std::mutex mutex_;
  std::set<Running*> running_;
  std::vector<std::thread> threads_;
};

}  // namespace imagent::server
