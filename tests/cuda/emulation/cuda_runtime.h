// As much of CUDA's runtime as src/cuda uses, on a processor: device memory is the host's, queued work is done at once (or kept
// for a graph), and the threads of a block are fibres that take turns at barriers and shuffles. In tests it stands in the place
// of NVIDIA's header.
#pragma once
#include <math.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>
#include <utility>

#define __global__
#define __device__
#define __shared__ static

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};
inline dim3 threadIdx, blockIdx;

enum cudaError_t { cudaSuccess = 0, cudaErrorMemoryAllocation = 2, cudaErrorNoDevice = 100, cudaErrorStreamCaptureUnsupported = 900 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaStreamCaptureMode { cudaStreamCaptureModeRelaxed = 2 };
using cudaStream_t = struct EmulatedStream*;
using cudaEvent_t = struct EmulatedEvent*;
using cudaGraph_t = struct EmulatedGraph*;
using cudaGraphExec_t = struct EmulatedGraph*;
struct cudaDeviceProp {
  char name[64];
  int major, minor;
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
};
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2;

inline const char* cudaGetErrorString(cudaError_t) { return "an error"; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaDriverGetVersion(int* version) { return *version = 13000, cudaSuccess; }
inline cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 13000, cudaSuccess; }
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t*, unsigned) { return cudaSuccess; }
inline cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t*, unsigned) { return cudaSuccess; }
inline cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }

namespace emulation {
// Bytes that cudaMalloc may give in all; what it has given.
inline size_t memory_limit = size_t{4} << 30, memory_used = 0;
inline int cards = 1, card_major = 9;
inline unsigned disorder = 0;  // how the threads of a block take their turns: 0 in order, else the last first and some warps by chance later

// What is queued: done at once, or, while a stream is captured, each time that its graph is launched.
void queue(std::function<void()> work);
inline int graphs = 0, graph_launches = 0;  // that there are; that there were
inline size_t bytes_sent = 0;               // from the host

// Runs the body for every block and thread of a grid.
void run(dim3 grid, dim3 block, const std::function<void()>& body);
// Called by a thread: goes on when all threads of its block, or of its warp, are here.
void wait_for_block();
void wait_for_warp();
float exchange(float value, unsigned from_lane);
}  // namespace emulation

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* card, int index);
cudaError_t cudaMalloc(void** data, size_t size);
cudaError_t cudaFree(void* data);
cudaError_t cudaMallocHost(void** data, size_t size);
cudaError_t cudaFreeHost(void* data);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph);
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t size, cudaMemcpyKind kind, cudaStream_t stream);

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...), Arguments&&... arguments) {
  const std::tuple<Parameters...> given(static_cast<Parameters>(arguments)...);
  emulation::queue([grid = config->gridDim, block = config->blockDim, kernel, given] { emulation::run(grid, block, [&] { std::apply(kernel, given); }); });
  return cudaSuccess;
}

inline void __syncthreads() { emulation::wait_for_block(); }
inline float __shfl_xor_sync(unsigned, float value, int mask) { return emulation::exchange(value, threadIdx.x % 32 ^ static_cast<unsigned>(mask)); }
inline float __shfl_down_sync(unsigned, float value, int delta) {
  const unsigned lane = threadIdx.x % 32, from = lane + static_cast<unsigned>(delta);
  return emulation::exchange(value, from < 32 ? from : lane);
}
inline float rsqrtf(float x) { return 1 / sqrtf(x); }
