// The thread pool: every piece once, errors come back, nested and concurrent use.
#include "cpu/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace imagent::cpu {
namespace {

TEST(ThreadPool, RunsEveryPieceOnce) {
  for (int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (int64_t pieces : {0, 1, 2, 7, 1000})
      for (int repeat = 0; repeat < 50; ++repeat) {
        std::vector<std::atomic<int>> done(pieces);
        pool.run(pieces, [&](int64_t i, int thread) {
          ASSERT_GE(thread, 0);
          ASSERT_LT(thread, threads);
          ++done[i];
        });
        for (auto& count : done) ASSERT_EQ(count, 1);
      }
  }
}

TEST(ThreadPool, RangesCoverEverything) {
  ThreadPool pool(3);
  for (int64_t count : {0, 1, 5, 64, 1001})
    for (int64_t grain : {0, 1, 8, 5000}) {
      std::vector<std::atomic<int>> done(count);
      pool.run_ranges(count, grain, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) ++done[i];
      });
      for (auto& times : done) ASSERT_EQ(times, 1) << count << " by " << grain;
    }
}

TEST(ThreadPool, ThrowsWhatAPieceThrew) {
  ThreadPool pool(2);
  EXPECT_THROW(pool.run(100, [](int64_t i, int) { if (i == 37) throw std::runtime_error("37"); }), std::runtime_error);
  int calls = 0;
  pool.run(1, [&](int64_t, int) { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(ThreadPool, NestedAndConcurrentRuns) {
  ThreadPool pool(2);
  std::atomic<int> sum = 0;
  const auto use = [&] {
    for (int k = 0; k < 100; ++k) pool.run(4, [&](int64_t, int) { pool.run(3, [&](int64_t, int) { ++sum; }); });
  };
  std::thread other(use);
  use();
  other.join();
  EXPECT_EQ(sum, 2 * 100 * 4 * 3);
}

}  // namespace
}  // namespace imagent::cpu
