// A pool of threads that spin for a moment and then sleep: verbs follow each other within microseconds. OpenMP is not used
// for this: its barrier waits for every thread, also for one that a busy machine has put aside and that has no piece.
#include "cpu/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"

namespace imagent::cpu {
namespace {

constexpr int spins_before_sleep = 2000;  // about 50 microseconds
thread_local int current_thread = -1;  // inside a piece: who runs it

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

struct ThreadPool::State {
  std::mutex one_job;  // callers from several threads wait for each other
  std::vector<std::thread> workers;

  // The job. A worker joins by raising `inside` and may touch the fields only when `open` then still says that the job is
  // on; the caller closes it and waits for `inside` to fall to 0. So a worker that wakes late delays nobody.
  std::atomic<bool> open = false;
  std::atomic<int> inside = 0;
  std::atomic<int64_t> next = 0;
  int64_t pieces = 0;
  Call call = nullptr;
  void* context = nullptr;
  std::mutex error_mutex;
  std::exception_ptr error;

  std::atomic<uint32_t> generation = 0;  // changes with every job; workers sleep on it
  std::atomic<bool> stop = false;

  void work(int thread) {
    current_thread = thread;
    for (int64_t i = next.fetch_add(1); i < pieces; i = next.fetch_add(1)) {
      try {
        call(context, i, thread);
      } catch (...) {
        std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
        next = pieces;
      }
    }
    current_thread = -1;
  }

  void serve(int thread) {
    uint32_t seen = 0;
    while (true) {
      for (int spin = 0; generation == seen && spin < spins_before_sleep; ++spin) relax();
      generation.wait(seen);
      seen = generation;
      if (stop) return;
      ++inside;
      if (open) work(thread);
      --inside;
    }
  }

  void end() {
    stop = true;
    ++generation;
    generation.notify_all();
    for (std::thread& worker : workers) worker.join();
  }
};

ThreadPool::ThreadPool(int threads) : threads_(std::max(threads, 1)), state_(std::make_unique<State>()) {
  try {
    for (int i = 1; i < threads_; ++i) state_->workers.emplace_back([this, i] { state_->serve(i); });
  } catch (const std::system_error& error) {  // out of memory for stacks, or a limit on processes
    state_->end();
    fail(ErrorKind::unsupported, "cannot start ", threads_, " threads: ", error.code().message(), "; ask for fewer with --threads");
  }
}

ThreadPool::~ThreadPool() { state_->end(); }

void ThreadPool::run_pieces(int64_t pieces, Call call, void* context) {
  if (pieces <= 1 || threads_ == 1 || current_thread >= 0) {
    for (int64_t i = 0; i < pieces; ++i) call(context, i, std::max(current_thread, 0));
    return;
  }
  State& s = *state_;
  std::lock_guard lock(s.one_job);
  s.next = 0;
  s.pieces = pieces;
  s.call = call;
  s.context = context;
  s.error = nullptr;
  s.open = true;
  ++s.generation;
  s.generation.notify_all();
  s.work(0);
  s.open = false;
  for (int spin = 0; s.inside != 0; ++spin) spin < spins_before_sleep ? relax() : std::this_thread::yield();
  if (s.error) std::rethrow_exception(s.error);
}

}  // namespace imagent::cpu
