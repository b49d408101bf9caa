// Opening a card.
#include "cuda/device.h"

#include <algorithm>

#include "cuda/runtime.h"

namespace imagent::cuda {
namespace {

constexpr size_t piece_size = size_t{8} << 20;
constexpr int least_major = 8;  // compute capability: the first with bf16

std::string version_text(int version) { return str(version / 1000, '.', version % 1000 / 10); }

[[noreturn]] void fail_without_card(cudaError_t status) {
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  check(driver > 0, ErrorKind::unsupported, "no NVIDIA driver is installed here");
  check(driver / 1000 >= runtime / 1000, ErrorKind::unsupported, "the NVIDIA driver knows CUDA ", version_text(driver), ", this build wants ", version_text(runtime));
  fail(ErrorKind::unsupported, "no NVIDIA card can be used: ", cudaGetErrorString(status));
}

BlockSource device_blocks(std::function<bool()> make_room) {
  const auto take = [](size_t size, void*& data) {
    const cudaError_t status = cudaMalloc(&data, size);
    if (status != cudaErrorMemoryAllocation) check_cuda(status, "allocating memory");
    if (status != cudaSuccess) cudaGetLastError();  // the error is dealt with
    return status == cudaSuccess;
  };
  return {take, [](void* data) { cudaFree(data); }, std::move(make_room), false};  // giving back waits for all that is queued
}

}  // namespace

Device::Device() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) fail_without_card(status == cudaSuccess ? cudaErrorNoDevice : status);
  cudaDeviceProp card = {};
  check_cuda(cudaGetDeviceProperties(&card, 0), "asking for the card");
  description_ = str(card.name, ", sm_", card.major, card.minor);
  architecture_ = 10 * card.major + card.minor;
  check(card.major >= least_major, ErrorKind::unsupported, description_, " is too old: sm_", least_major, "0 (Ampere) or later is wanted");
  check_cuda(cudaSetDevice(0), "opening the card");
  check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
  pool_ = make_pool();
  pool_in_use_ = pool_.get();
  staging_ = std::make_unique<Staging>(stream_);
}

Device::~Device() {
  cudaStreamSynchronize(stream_);
  staging_.reset();
  cudaStreamDestroy(stream_);
}

std::shared_ptr<BufferPool> Device::make_pool(bool returns_when_short) {
  BlockSource blocks = device_blocks([this] { return make_room(); });
  blocks.returns_when_short = returns_when_short;
  return BufferPool::create(std::move(blocks));
}

bool Device::make_room() const {
  if (pool_->bytes_cached() > 0) {  // asked by another pool
    pool_->release();
    return true;
  }
  return std::any_of(ways_to_make_room_.begin(), ways_to_make_room_.end(), [](const auto& way) { return way(); });
}

size_t Device::free_bytes() const {
  size_t free = 0, total = 0;
  check_cuda(cudaMemGetInfo(&free, &total), "asking for free memory");
  return free;
}

void Device::synchronize() const { check_cuda(cudaStreamSynchronize(stream_), "computing"); }

Staging::~Staging() {
  for (Piece& piece : pieces_) {
    if (piece.sent) cudaEventDestroy(piece.sent);
    if (piece.data) cudaFreeHost(piece.data);
  }
}

void Staging::send(void* to, size_t bytes, const Fill& fill) {
  for (size_t from = 0; from < bytes; from += piece_size) {
    Piece& piece = pieces_[turn_++ % pieces_.size()];
    if (!piece.data) check_cuda(cudaMallocHost(&piece.data, piece_size), "pinning memory of the host");
    if (!piece.sent) check_cuda(cudaEventCreateWithFlags(&piece.sent, cudaEventDisableTiming), "making an event");
    check_cuda(cudaEventSynchronize(piece.sent), "copying weights");
    const size_t count = std::min(piece_size, bytes - from);
    fill(from, count, piece.data);
    check_cuda(cudaMemcpyAsync(static_cast<char*>(to) + from, piece.data, count, cudaMemcpyHostToDevice, stream_), "copying weights");
    check_cuda(cudaEventRecord(piece.sent, stream_), "copying weights");
  }
}

}  // namespace imagent::cuda
