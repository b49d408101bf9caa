// OpenMP runs the pieces: the own SIMD kernels and oneDNN use its threads too, and two sets of threads would fight for cores.
#include "cpu/parallel.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>

namespace imagent::cpu {

ThreadPool::ThreadPool(int threads) : threads_(std::max(threads, 1)) {}

void ThreadPool::run_pieces(int64_t pieces, Call call, void* context) {
  const int threads = static_cast<int>(std::min<int64_t>(threads_, pieces));
  if (threads <= 1 || omp_in_parallel()) {
    for (int64_t i = 0; i < pieces; ++i) call(context, i, omp_get_thread_num());
    return;
  }
  // Pieces are taken one by one, not dealt out: on a busy machine cores are not equally fast.
  std::atomic<int64_t> next = 0;
  std::atomic<bool> failed = false;
  std::exception_ptr error;
#pragma omp parallel num_threads(threads_)
  {
    const int thread = omp_get_thread_num();
    for (int64_t i = next++; i < pieces && !failed; i = next++) {
      try {
        call(context, i, thread);
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace imagent::cpu
