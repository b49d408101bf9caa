// Threads that serve connections.
#include "server/connection_threads.h"

#include <chrono>
#include <system_error>
#include <thread>

namespace imagent::server {

void ConnectionThreads::enqueue(std::function<void()> serve) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(serve));
  if (idle_ < waiting_.size() && threads_ < most_) {
    try {
      std::thread([this] { serve_connections(); }).detach();
      ++threads_;
    } catch (const std::system_error&) {  // no more threads to be had: one that is there will come to it
    }
  }
  work_.notify_one();
}

void ConnectionThreads::serve_connections() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    work_.wait_for(lock, std::chrono::seconds(10), [&] { return stopping_ || !waiting_.empty(); });
    --idle_;
    if (waiting_.empty()) break;
    const auto serve = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    serve();
    lock.lock();
  }
  --threads_;
  ended_.notify_all();
}

void ConnectionThreads::shutdown() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  work_.notify_all();
  ended_.wait(lock, [&] { return threads_ == 0; });
}

}  // namespace imagent::server
