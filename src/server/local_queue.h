// The queue in this process: jobs in SQLite, so that they outlive a crash; orders, progress and previews in memory.
#pragma once
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "server/database.h"
#include "server/queue.h"

namespace imagent::server {

struct QueueOptions {
  int max_waiting = 64;
  double keep_events_s = 60;    // after a job's end,
  size_t keep_events_of = 200;  // and of so many ended jobs at most
  int keep_jobs = 20000;        // ended ones, with their results
};

class LocalQueue : public Queue {
 public:
  // Jobs that were running when the last process ended go back to the queue.
  explicit LocalQueue(std::shared_ptr<Database> database, QueueOptions options = {});

  std::string submit(Job job) override;
  bool cancel(const Cancel& message) override;
  std::optional<JobStatus> status(const std::string& job) override;
  std::vector<JobStatus> jobs(const JobFilter& filter) override;
  QueueCounts counts() override;
  std::vector<JobEvent> events(const EventQuery& query) override;
  std::optional<Claim> claim(Wait wait) override;
  Order heartbeat(const Heartbeat& message) override;
  void publish(JobEvent event) override;
  bool finish(const JobResult& result) override;
  void release(const Heartbeat& claim) override;
  int requeue_lost(double silent_s) override;
  void close() override;

 private:
  // What happens around a job while it waits and runs, and for a while after.
  struct Live {
    std::deque<JobEvent> events;
    int64_t next_event = 1;
    int previews = 0;             // among the events
    nlohmann::json progress = nlohmann::json::object();
    Order order = Order::none;
    std::string token;
    double heard = 0;             // last heartbeat
    double ended = 0;
    bool over = false;            // the last event is in `events`
    std::condition_variable news;
  };

  std::optional<Claim> try_claim();
  bool end(const JobResult& result, const std::string& where_token);
  bool requeue(const std::string& job);
  void add_event(Live& live, JobEvent event);
  std::shared_ptr<Live> live(const std::string& job);           // made when absent
  std::shared_ptr<Live> find_live(const std::string& job);
  JobStatus read_status(Statement& row);
  void add_live_state(JobStatus& status);
  int waiting_before(const std::string& job);
  void forget_old();
  QueueFull full(int waiting);

  std::shared_ptr<Database> database_;
  const QueueOptions options_;
  std::mutex mutex_;              // of everything below; never held while the database works
  std::map<std::string, std::shared_ptr<Live>> live_;
  std::deque<std::string> ended_; // those of them that are over, the oldest first
  std::condition_variable work_;
  uint64_t submissions_ = 0;      // counts up when there may be work
  double seconds_per_job_ = 5;    // smoothed, for Retry-After
  bool closed_ = false;
};

}  // namespace imagent::server
