// A thread for each connection, made when needed and kept for a while: watchers may sit on theirs for hours without holding up others.
#pragma once
#include <httplib.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace imagent::server {

class ConnectionThreads : public httplib::TaskQueue {
 public:
  explicit ConnectionThreads(size_t most) : most_(most) {}
  ~ConnectionThreads() override { shutdown(); }

  void enqueue(std::function<void()> serve) override;  // beyond `most` threads, connections wait for one to end
  void shutdown() override;                            // waits for all

 private:
  void serve_connections();

  const size_t most_;
  std::mutex mutex_;
  std::condition_variable work_, ended_;
  std::deque<std::function<void()>> waiting_;
  size_t threads_ = 0, idle_ = 0;
  bool stopping_ = false;
};

}  // namespace imagent::server
