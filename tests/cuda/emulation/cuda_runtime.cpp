// Threads of a block as fibres, and memory that remembers how much of it there is.
#include "cuda_runtime.h"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

namespace emulation {
namespace {

constexpr size_t stack_size = 64 << 10;
constexpr unsigned warp = 32;

enum class State { ready, at_block, at_warp, done };
struct Fibre {
  ucontext_t begin;  // where it starts; from then on it is left and entered by jumps, which do without the system
  jmp_buf here;
  std::unique_ptr<char[]> stack = std::make_unique<char[]>(stack_size);
  State state = State::done;
  bool begun = false;
};

std::vector<std::unique_ptr<Fibre>> fibres;
std::vector<float> exchanged;
std::vector<unsigned> exchanges;  // how often each thread has given a value
jmp_buf scheduler;
Fibre* current = nullptr;  // null: threads run one after another, without fibres
bool cooperated = false;   // a thread of this kernel has waited for others
const std::function<void()>* thread_body = nullptr;

[[noreturn]] void stop(const char* why) {
  std::fprintf(stderr, "emulated kernel: block %u,%u: %s\n", blockIdx.x, blockIdx.y, why);
  std::abort();
}

void leave(State state) {
  current->state = state;
  if (_setjmp(current->here) == 0) _longjmp(scheduler, 1);
}

// A fibre is one thread after another, of each block that it is given.
void fibre_main() {
  for (;;) {
    (*thread_body)();
    leave(State::done);
  }
}

void wait(State state) {
  cooperated = true;
  if (!current) stop("a thread waits where the first one of the grid did not");
  leave(state);
}

void resume(unsigned thread) {
  threadIdx = {thread, 0, 0};
  Fibre& f = *(current = fibres[thread].get());
  if (_setjmp(scheduler) == 0) {
    if (std::exchange(f.begun, true)) _longjmp(f.here, 1);
    getcontext(&f.begin);
    f.begin.uc_stack.ss_sp = f.stack.get();
    f.begin.uc_stack.ss_size = stack_size;
    makecontext(&f.begin, fibre_main, 0);
    setcontext(&f.begin);
  }
  current = nullptr;
}

// Lets those of [begin, end) go on who wait at such a barrier, when all do. One who has left will never come.
bool release(unsigned begin, unsigned end, State barrier) {
  const auto first = fibres.begin() + begin, last = fibres.begin() + end;
  if (!std::any_of(first, last, [&](const auto& f) { return f->state == barrier; })) return false;
  if (!std::all_of(first, last, [&](const auto& f) { return f->state == barrier; })) return false;
  std::for_each(first, last, [](const auto& f) { f->state = State::ready; });
  return true;
}

void run_block(unsigned threads) {
  while (fibres.size() < threads) fibres.push_back(std::make_unique<Fibre>());
  exchanged.resize(2 * threads);
  exchanges.assign(threads, 0);
  for (unsigned t = 0; t < threads; ++t) fibres[t]->state = State::ready;
  std::minstd_rand chance(disorder);
  std::minstd_rand::result_type round = 0, waiting_warps = 0;
  while (std::any_of(fibres.begin(), fibres.begin() + threads, [](const auto& f) { return f->state != State::done; })) {
    bool moved = false;
    if (disorder && round++ % 64 == 0) waiting_warps = chance();  // long enough for others to run from barrier to barrier
    for (unsigned i = 0; i < threads; ++i) {
      const unsigned thread = disorder ? threads - 1 - i : i;
      if (fibres[thread]->state != State::ready) continue;
      moved = true;
      if (waiting_warps >> thread / warp % 16 & 1) continue;
      resume(thread);
    }
    for (unsigned t = 0; t < threads; t += warp) moved |= release(t, std::min(t + warp, threads), State::at_warp);
    moved |= release(0, threads, State::at_block);
    if (!moved) stop("threads wait for others that will not come");
  }
}

}  // namespace

void run(dim3 grid, dim3 block, const std::function<void()>& body) {
  thread_body = &body;
  cooperated = false;
  for (blockIdx.y = 0; blockIdx.y < grid.y; ++blockIdx.y)
    for (blockIdx.x = 0; blockIdx.x < grid.x; ++blockIdx.x) {
      if (cooperated || (blockIdx.x == 0 && blockIdx.y == 0)) {
        run_block(block.x);
        continue;
      }
      for (threadIdx = {0, 0, 0}; threadIdx.x < block.x; ++threadIdx.x) body();
    }
}

void wait_for_block() { wait(State::at_block); }
void wait_for_warp() { wait(State::at_warp); }

float exchange(float value, unsigned from_lane) {
  // Two places a thread in turn: who writes the next value while others still read this one does it beside it.
  const unsigned place = exchanges[threadIdx.x]++ % 2;
  exchanged[2 * threadIdx.x + place] = value;
  wait_for_warp();
  return exchanged[2 * (threadIdx.x / warp * warp + from_lane) + place];
}

}  // namespace emulation

struct EmulatedGraph {
  std::vector<std::function<void()>> work;
};

static std::unique_ptr<EmulatedGraph> captured;  // null: what is queued is done at once

void emulation::queue(std::function<void()> work) {
  if (captured)
    captured->work.push_back(std::move(work));
  else
    work();
}

namespace {

constexpr size_t header = 256;  // before a block, keeps its size; blocks begin at multiples of it

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) { return *count = emulation::cards, cudaSuccess; }

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* card, int) {
  std::strcpy(card->name, "emulated card");
  card->major = emulation::card_major;
  card->minor = emulation::card_minor;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** data, size_t size) {
  if (emulation::memory_used + size > emulation::memory_limit) return cudaErrorMemoryAllocation;
  auto* memory = static_cast<char*>(std::aligned_alloc(header, (size + 2 * header - 1) / header * header));
  if (!memory) return cudaErrorMemoryAllocation;
  std::memcpy(memory, &size, sizeof size);
  std::memset(memory + header, 0xff, size);  // not a number in every type: what nobody writes shows
  emulation::memory_used += size;
  *data = memory + header;
  return cudaSuccess;
}

cudaError_t cudaFree(void* data) {
  if (!data) return cudaSuccess;
  size_t size;
  std::memcpy(&size, static_cast<char*>(data) - header, sizeof size);
  emulation::memory_used -= size;
  std::free(static_cast<char*>(data) - header);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** data, size_t size) { return *data = std::malloc(size), cudaSuccess; }
cudaError_t cudaFreeHost(void* data) { return std::free(data), cudaSuccess; }

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *total = emulation::memory_limit;
  *free = emulation::memory_limit - emulation::memory_used;
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t size, cudaMemcpyKind kind, cudaStream_t) {
  if (size == 0) return cudaSuccess;
  if (captured && kind != cudaMemcpyDeviceToDevice) return cudaErrorStreamCaptureUnsupported;  // the host's memory may be gone when it is launched
  if (kind == cudaMemcpyHostToDevice) emulation::bytes_sent += size;
  emulation::queue([=] { std::memcpy(to, from, size); });
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t) { return captured ? cudaErrorStreamCaptureUnsupported : cudaSuccess; }

cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) {
  if (captured) return cudaErrorStreamCaptureUnsupported;
  captured = std::make_unique<EmulatedGraph>();
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) {
  if (!captured) return cudaErrorStreamCaptureUnsupported;
  *graph = captured.release();
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
  ++emulation::graphs;
  return *made = new EmulatedGraph(*graph), cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  --emulation::graphs;
  return delete graph, cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t) {
  if (captured) return cudaErrorStreamCaptureUnsupported;
  ++emulation::graph_launches;
  for (const auto& work : graph->work) work();
  return cudaSuccess;
}
