// Threads of one CPU backend. Work is handed out in numbered pieces; what a piece computes must not depend on who runs it,
// and then the results do not depend on the thread count.
#pragma once
#include <cstdint>
#include <memory>
#include <type_traits>

namespace imagent::cpu {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // the caller of run() is one of them. Errors: unsupported, when they cannot be started
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Calls piece(index, thread) for every index below `pieces`, thread in [0, threads()); returns when all are done and
  // throws what the first failing piece threw. Inside a piece, or with one piece, everything runs in the caller.
  template <class Piece>
  void run(int64_t pieces, Piece&& piece) {
    using P = std::remove_reference_t<Piece>;
    run_pieces(pieces, [](void* context, int64_t index, int thread) { (*static_cast<P*>(context))(index, thread); },
               const_cast<std::remove_const_t<P>*>(&piece));
  }

  // Calls range(begin, end, thread) for slices of [0, count) of at least `grain`: for loops over many small items.
  template <class Range>
  void run_ranges(int64_t count, int64_t grain, Range&& range) {
    if (grain < 1) grain = 1;
    const int64_t most = 8 * static_cast<int64_t>(threads_);  // a few slices a thread: cores of a busy machine differ
    int64_t pieces = (count + grain - 1) / grain;
    if (pieces > most) pieces = most;
    run(pieces, [&](int64_t i, int thread) { range(count * i / pieces, count * (i + 1) / pieces, thread); });
  }

 private:
  using Call = void (*)(void* context, int64_t index, int thread);
  void run_pieces(int64_t pieces, Call call, void* context);

  struct State;
  int threads_;
  std::unique_ptr<State> state_;
};

}  // namespace imagent::cpu
