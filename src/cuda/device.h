// One NVIDIA card: the stream on which everything is queued in order, its memory, and the way of weights into it.
#pragma once
#include <cuda_runtime.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tensor/buffer.h"

namespace imagent::cuda {

// Two pieces of pinned host memory, filled in turn while the other one is on its way to the card.
class Staging {
 public:
  explicit Staging(cudaStream_t stream) : stream_(stream) {}
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // `bytes` to the device address `to`; fill(from, count, piece) writes bytes [from, from + count) of them to `piece`. Counts
  // are multiples of 64 but for the last. Returns when all are filled, not when all have arrived.
  using Fill = std::function<void(size_t from, size_t count, void* piece)>;
  void send(void* to, size_t bytes, const Fill& fill);

 private:
  struct Piece {
    void* data = nullptr;
    cudaEvent_t sent = nullptr;
  };
  cudaStream_t stream_;
  std::array<Piece, 2> pieces_;
  size_t turn_ = 0;
};

class Device {
 public:
  // The first card. Errors: unsupported, when there is no driver, no card, or only one that is too old.
  Device();
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  cudaStream_t stream() const { return stream_; }
  const std::string& description() const { return description_; }  // "NVIDIA H200, sm_90"
  int architecture() const { return architecture_; }                // 90
  // Memory for what is queued from now on: it may be given back before that has run, because the next owner queues behind it.
  BufferPool& pool() const { return *pool_in_use_; }
  BufferPool& own_pool() const { return *pool_; }
  std::shared_ptr<BufferPool> make_pool(bool returns_when_short = true);  // another one
  // pool() is `pool` for the length of a block.
  class OtherPool {
   public:
    OtherPool(Device& device, BufferPool& pool) : device_(device), before_(std::exchange(device.pool_in_use_, &pool)) {}
    ~OtherPool() { device_.pool_in_use_ = before_; }
    OtherPool(const OtherPool&) = delete;
    OtherPool& operator=(const OtherPool&) = delete;

   private:
    Device& device_;
    BufferPool* before_;
  };
  // What is to be done when the card has no more memory, in this order, each as long as it says true: that it gave some back.
  void set_ways_to_make_room(std::vector<std::function<bool()>> ways) { ways_to_make_room_ = std::move(ways); }
  size_t free_bytes() const;  // that no program holds
  Staging& staging() { return *staging_; }
  void synchronize() const;

 private:
  bool make_room() const;

  std::string description_;
  int architecture_ = 0;
  cudaStream_t stream_ = nullptr;
  std::vector<std::function<bool()>> ways_to_make_room_;
  std::shared_ptr<BufferPool> pool_;
  BufferPool* pool_in_use_ = nullptr;
  std::unique_ptr<Staging> staging_;
};

}  // namespace imagent::cuda
