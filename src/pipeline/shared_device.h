// Several runs, on threads of their own, take turns on one device, and their pictures of one kind share UNet calls: they
// join and leave between steps. A row's values do not depend on the rows beside it (tests/pipeline/same_bytes_test.cpp), so
// a run's pictures do not depend on the runs beside it.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pipeline/denoise.h"

namespace imagent {

// What pictures must have in common to share a call.
struct DenoiseKind {
  const UNet2DConditionModel* unet = nullptr;
  DType compute = DType::f32;
  int height = 0, width = 0;        // of the latents
  int64_t tokens = 0;               // of their texts
  FreeU freeu = {};

  bool operator==(const DenoiseKind&) const = default;
};

class SharedDevice {
  struct Call;

 public:
  // `pictures`: the most of several runs in one call. 1: runs do not share, each has the device until it ends.
  explicit SharedDevice(int pictures = 1) : pictures_(pictures) {}

  int pictures() const { return pictures_; }
  int waiting_runs() const;          // that have not begun

  // A run on the device. Between making it and its end the run's thread holds the device, but for the time in denoise().
  class Turn {
   public:
    // Runs with the same key may be under way together (sharing_key.h); "" is like no other. Waits for those before it.
    // `cancel` (or null) may be raised by any thread. Errors: cancelled.
    Turn(SharedDevice& device, Backend& backend, const std::atomic<bool>* cancel, std::string key);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // As denoise(), perhaps in one call with the pictures of other runs; in smaller ones when memory runs out. Errors: also cancelled; after any the run is over.
    std::vector<Denoised> denoise(const DenoiseKind& kind, std::span<const DenoiseJob> jobs);
    // one(i) for every i below `count`, each on a part of the device and beside those of other runs that wait here: for ops
    // too small to keep the device busy. A call may be made again. Errors: those of one(), cancelled; after any the run is over.
    void side_by_side(int64_t count, const std::function<void(int64_t)>& one);
    // For the memory's sake: the most pictures that a call may have which this run shares.
    void limit_pictures(int pictures) { most_pictures_ = pictures; }
    int largest_call() const { return largest_call_; }  // pictures in the largest call that this run was part of
    int pictures_at_a_time() const { return at_a_time_; }  // less than its calls had: memory ran out with more

   private:
    friend class SharedDevice;
    void wait_for(Call& call);
    void take_device();
    void let_go();
    void wait_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready, const std::function<bool()>& give_up);
    bool cancelled() const { return cancel_ && *cancel_; }

    SharedDevice& device_;
    Backend& backend_;
    std::condition_variable wake_;
    const std::atomic<bool>* cancel_;
    const std::string key_;
    int64_t number_ = 0;             // counts runs up in the order in which they came
    bool holds_device_ = false;
    int most_pictures_ = 1, largest_call_ = 0;
    int at_a_time_ = std::numeric_limits<int>::max();
  };

 private:
  bool may_enter(const Turn& turn) const;
  Turn* next() const;
  std::vector<Call*> group_of(Call& oldest) const;
  void answer(std::unique_lock<std::mutex>& lock, Call& oldest);
  static void make(const std::vector<Call*>& group);
  static void denoise_all(const std::vector<Call*>& group);

  const int pictures_;
  mutable std::mutex mutex_;         // of everything below
  bool taken_ = false;               // a run holds the device
  std::string key_;                  // of the runs that are under way
  int under_way_ = 0;
  int64_t next_number_ = 0, opened_ = 0;  // runs below `opened_` were there when the first of those that are under way began
  std::deque<Turn*> line_;           // runs that have not begun
  std::deque<Call*> calls_;          // not answered yet, the oldest first
  std::vector<Call*> answering_;     // those in the present call
  std::deque<Call*> answered_;       // those whose runs have not gone on yet
  std::atomic<bool> abandon_ = false;  // the present call is made anew: one of its runs was cancelled
};

}  // namespace imagent
