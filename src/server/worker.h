// Takes jobs from the queue to the engine, and their pictures to the store.
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
  Worker(Queue& queue, Engine& engine, Store& store, const Catalog& catalog);
  ~Worker();                          // the running job is cancelled and goes back to the queue

  bool ready() const { return ready_; }

 private:
  // The job in hand, and what was asked of it.
  struct Running {
    Claim claim;
    std::atomic<bool> cancel = false;
    std::atomic<Order> order = Order::none;
  };

  void work();
  void keep_alive();                  // sends heartbeats, takes orders
  void draw(Running& running);
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
  std::thread worker_, heart_;
};

}  // namespace imagent::server
