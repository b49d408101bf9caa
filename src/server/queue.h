// The queue between those who ask for pictures and those who draw them, and the news about each job. Everything that passes
// through it is a message, so an implementation may sit in this process (local_queue.h) or elsewhere.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "server/messages.h"

namespace imagent::server {

using Wait = std::chrono::milliseconds;

// submit() finds no room.
struct QueueFull {
  int waiting = 0;
  int retry_after_s = 1;      // when a place should be free
};

struct JobFilter {
  std::optional<JobState> state = {};
  std::string client = {};    // "": everybody's
  int limit = 50, offset = 0;
};

struct EventQuery {
  std::string job;
  int64_t after = 0;          // the last event that the watcher has
  Wait wait{0};               // at most so long for a new one
};

struct QueueCounts {
  int waiting = 0, running = 0;
  int64_t completed = 0, failed = 0, cancelled = 0;
};

class Queue {
 public:
  virtual ~Queue() = default;

  // For those who ask. A job without an id gets one. What was submitted survives a crash. Throws QueueFull.
  virtual std::string submit(Job job) = 0;
  virtual bool cancel(const Cancel& message) = 0;                        // false: it has ended, or there is none
  virtual std::optional<JobStatus> status(const std::string& job) = 0;
  virtual std::vector<JobStatus> jobs(const JobFilter& filter) = 0;      // newest first
  virtual QueueCounts counts() = 0;
  // The kept events behind `after`, waiting for one if there is none. The last event of a job says how it ended; behind it,
  // and for jobs that do not exist, the answer is empty at once.
  virtual std::vector<JobEvent> events(const EventQuery& query) = 0;

  // For workers. Highest priority first; among equals the client who was served longest ago; of one client the oldest job.
  virtual std::optional<Claim> claim(Wait wait) = 0;
  virtual Order heartbeat(const Heartbeat& message) = 0;                 // skip is told once; cancel also when the claim is lost
  virtual void publish(JobEvent event) = 0;
  virtual bool finish(const JobResult& result) = 0;                      // false: the claim is lost, the result does not count
  virtual void release(const Heartbeat& claim) = 0;                      // the job goes back, as if it had not been claimed
  // Claims without a heartbeat for so long go back to the queue: after three attempts behind all others, after twenty they
  // fail, for it may be the job that takes its worker down. Returns how many.
  virtual int requeue_lost(double silent_s) = 0;

  virtual void close() = 0;                                              // everybody who waits is sent home
};

}  // namespace imagent::server
