// The best of a few short runs: a busy machine only ever makes a run slower.
#include "cpu/peak.h"

#include <algorithm>
#include <chrono>

#include "cpu/isa.h"
#include "cpu/parallel.h"
#include "cpu/peak_loops.h"

namespace imagent {
namespace {

using Clock = std::chrono::steady_clock;

double gflops(const cpu::PeakLoop& loop, int threads) {
  constexpr int runs = 10;
  constexpr double flop_a_run = 1.5e9;  // of one thread: some ten milliseconds
  const auto rounds = static_cast<int64_t>(flop_a_run / loop.flop_a_round);
  cpu::ThreadPool pool(threads);
  double best = 0;
  for (int i = 0; i < runs; ++i) {
    const auto start = Clock::now();
    pool.run(threads, [&](int64_t, int) {
      volatile float sink = loop.run(rounds);
      (void)sink;
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, loop.flop_a_round * static_cast<double>(rounds * threads) / seconds * 1e-9);
  }
  return best;
}

// SSE: a multiplication and an addition apart.
float plain_loop(int64_t rounds) {
  using Vector = float __attribute__((vector_size(16)));
  Vector sums[8] = {};
  const Vector a = {1.0f, 1.0f, 1.0f, 1.0f};
  for (int64_t i = 0; i < rounds; ++i)
    for (Vector& sum : sums) {
      sum = sum * a + a;
      asm volatile("" : "+x"(sum));
    }
  float total = 0;
  for (const Vector& sum : sums) total += sum[0];
  return total;
}

}  // namespace

PeakGflops probe_peak(int threads) {
  threads = std::max(threads, 1);
  const Isa isa = best_isa();
  if (isa == Isa::baseline) return {gflops({64, plain_loop}, threads), 0, 0};
#if defined(__x86_64__)
  PeakGflops peak;
  peak.f32 = gflops(isa >= Isa::avx512 ? cpu::peak_avx512_f32 : cpu::peak_avx2_f32, threads);
  if (isa >= Isa::avx512bf16) peak.bf16 = gflops(cpu::peak_avx512bf16_bf16, threads);
  if (isa >= Isa::avx512 && __builtin_cpu_supports("avx512vnni")) peak.int8 = gflops(cpu::peak_avx512vnni_int8, threads);
  return peak;
#endif
}

}  // namespace imagent
