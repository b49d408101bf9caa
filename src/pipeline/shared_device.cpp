// Turns on the device. Who holds it prepares, steps or decodes; when everybody under way waits for the UNet, the oldest call
// is made for all that fit with it.
#include "pipeline/shared_device.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "pipeline/out_of_memory.h"

namespace imagent {

// How often waiting runs look whether they are cancelled: who raises the flag knows nothing of us.
constexpr auto look_around = std::chrono::milliseconds(10);

// A UNet call, or (`one`) work that is done side by side.
struct SharedDevice::Call {
  Turn* turn;
  std::optional<DenoiseKind> kind;
  std::span<const DenoiseJob> jobs;
  const std::function<void(int64_t)>* one = nullptr;
  int64_t count = 0;                 // of pictures
  bool alone = false;                // ControlNets and IP-Adapters look at their own run's rows only; or a call with others failed
  bool done = false;
  std::vector<Denoised> outputs = {};
  std::exception_ptr error = nullptr;
};

using Turn = SharedDevice::Turn;

void Turn::take_device() {
  device_.taken_ = holds_device_ = true;
  backend_.cancel = cancel_;
}

void Turn::let_go() {
  backend_.cancel = nullptr;
  device_.taken_ = holds_device_ = false;
  if (Turn* next = device_.next()) next->wake_.notify_one();
}

void Turn::wait_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready, const std::function<bool()>& give_up) {
  while (true) {
    check(!cancelled() || !give_up(), ErrorKind::cancelled, "cancelled");
    if (ready()) return;
    if (std::any_of(device_.answering_.begin(), device_.answering_.end(), [](const Call* call) { return call->turn->cancelled(); })) device_.abandon_ = true;
    wake_.wait_for(lock, look_around);
  }
}

Turn::Turn(SharedDevice& device, Backend& backend, const std::atomic<bool>* cancel, std::string key)
    : device_(device), backend_(backend), cancel_(cancel), key_(std::move(key)) {
  std::unique_lock lock(device_.mutex_);
  number_ = device_.next_number_++;
  device_.line_.push_back(this);
  const auto leave_line = [this] { return std::erase(device_.line_, this) > 0; };
  wait_until(lock, [this] { return !device_.taken_ && device_.next() == this; }, leave_line);
  leave_line();
  if (device_.under_way_++ == 0) {
    device_.key_ = key_;
    device_.opened_ = device_.next_number_;
  }
  take_device();
}

Turn::~Turn() {
  const std::lock_guard lock(device_.mutex_);
  --device_.under_way_;
  if (holds_device_) let_go();
}

std::vector<Denoised> Turn::denoise(const DenoiseKind& kind, std::span<const DenoiseJob> jobs) {
  Call call{.turn = this, .kind = kind, .jobs = jobs, .count = static_cast<int64_t>(jobs.size())};
  call.alone = std::any_of(jobs.begin(), jobs.end(), [](const DenoiseJob& job) { return !job.controls.empty() || !job.image_prompts.empty(); });
  wait_for(call);
  return std::move(call.outputs);
}

void Turn::side_by_side(int64_t count, const std::function<void(int64_t)>& one) {
  Call call{.turn = this, .kind = {}, .jobs = {}, .one = &one, .count = count};
  wait_for(call);
}

void Turn::wait_for(Call& call) {
  std::unique_lock lock(device_.mutex_);
  device_.calls_.push_back(&call);
  let_go();
  const auto withdraw = [&] { return !call.done && std::erase(device_.calls_, &call) > 0; };
  while (!call.done) {
    wait_until(lock, [&] { return !device_.taken_ && device_.next() == this; }, withdraw);
    take_device();
    if (call.done) device_.answered_.pop_front();
    else device_.answer(lock, call);
    if (!call.done) let_go();
  }
  if (call.error) std::rethrow_exception(call.error);
}

int SharedDevice::waiting_runs() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(line_.size());
}

// Runs with the key of those under way join them. While a run with another key waits only those may that were there when
// the first of them began, so that nobody waits for ever.
bool SharedDevice::may_enter(const Turn& turn) const {
  if (under_way_ == 0) return line_.front() == &turn;
  if (turn.key_.empty() || turn.key_ != key_) return false;
  return turn.number_ < opened_ || std::all_of(line_.begin(), line_.end(), [&](const Turn* other) { return other->number_ > turn.number_ || other->key_ == key_; });
}

// Whose the device is when it is free. Calls wait while a run has anything else to do: it will come with a call of its own,
// and then there is one for all.
Turn* SharedDevice::next() const {
  if (!answered_.empty()) return answered_.front()->turn;
  const auto entering = std::find_if(line_.begin(), line_.end(), [&](const Turn* turn) { return may_enter(*turn); });
  if (entering != line_.end()) return *entering;
  return calls_.empty() ? nullptr : calls_.front()->turn;
}

std::vector<SharedDevice::Call*> SharedDevice::group_of(Call& oldest) const {
  std::vector<Call*> group = {&oldest};
  int64_t pictures = oldest.count;
  int most = std::min(pictures_, oldest.turn->most_pictures_);
  if (oldest.alone) return group;
  for (Call* call : calls_) {
    if (call == &oldest || call->alone || call->turn->cancelled() || !(call->kind == oldest.kind)) continue;
    const int both = std::min(most, call->turn->most_pictures_);
    if (pictures + call->count > both) continue;
    pictures += call->count;
    most = both;
    group.push_back(call);
  }
  return group;
}

// Makes the calls of a group, which has the device.
void SharedDevice::make(const std::vector<Call*>& group) {
  const Call& first = *group[0];
  if (first.one) {
    std::vector<std::pair<const Call*, int64_t>> all;
    for (const Call* call : group)
      for (int64_t i = 0; i < call->count; ++i) all.emplace_back(call, i);
    first.turn->backend_.side_by_side(static_cast<int64_t>(all.size()), [&](int64_t k) { (*all[k].first->one)(all[k].second); });
  } else {
    denoise_all(group);
  }
}

// The pictures of a group in one UNet call, or so many at a time as there is memory for: their runs remember how many that are.
void SharedDevice::denoise_all(const std::vector<Call*>& group) {
  const Turn& turn = *group[0]->turn;
  const DenoiseKind& kind = *group[0]->kind;
  std::vector<DenoiseJob> jobs;
  int at_a_time = std::numeric_limits<int>::max();
  for (const Call* call : group) {
    jobs.insert(jobs.end(), call->jobs.begin(), call->jobs.end());
    at_a_time = std::min(at_a_time, call->turn->at_a_time_);
  }
  const auto all = static_cast<int>(jobs.size());
  std::vector<int> sizes = {std::min(all, at_a_time)};
  for (int size = sizes[0]; size > 0; size /= 2) sizes.push_back(size);  // the first twice: there is more when the pool has given back what it kept
  std::vector<Denoised> outputs;
  const int size = compute_in_pieces({turn.backend_, sizes, str("denoising ", 8 * kind.width, 'x', 8 * kind.height, " pixels"),
                                      "a smaller picture (--width, --height) or a 16-bit --dtype would need less"},
                                     [&](int pictures) {
                                       outputs.clear();
                                       for (int i = 0; i < all; i += pictures) {
                                         const auto part = std::span(jobs).subspan(static_cast<size_t>(i), static_cast<size_t>(std::min(pictures, all - i)));
                                         std::ranges::move(imagent::denoise(*kind.unet, kind.compute, kind.height, kind.width, part), std::back_inserter(outputs));
                                       }
                                     });
  auto next = outputs.begin();
  for (Call* call : group) {
    if (size < sizes[0]) call->turn->at_a_time_ = size;
    const auto end = next + call->count;
    call->outputs.assign(std::make_move_iterator(next), std::make_move_iterator(end));
    next = end;
  }
}

// Makes the call of `oldest` and of those that fit with it. When one of their runs is cancelled meanwhile it stops, and the
// others wait for the next one; when it fails, each is made alone, and shows whose fault it was.
void SharedDevice::answer(std::unique_lock<std::mutex>& lock, Call& oldest) {
  answering_ = group_of(oldest);
  const std::vector<Call*> group = answering_;
  for (Call* call : group) std::erase(calls_, call);
  Backend& backend = oldest.turn->backend_;
  abandon_ = false;
  if (group.size() > 1) backend.cancel = &abandon_;
  std::exception_ptr error;
  lock.unlock();
  try {
    make(group);
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  answering_.clear();
  backend.cancel = oldest.turn->cancel_;
  if (error && group.size() > 1) {
    for (Call* call : group) call->alone = call->alone || !abandon_;
    calls_.insert(calls_.begin(), group.begin(), group.end());
    return;
  }
  int64_t pictures = 0;
  for (const Call* call : group) pictures += call->count;
  for (Call* call : group) {
    if (call->kind) call->turn->largest_call_ = std::max(call->turn->largest_call_, static_cast<int>(std::min<int64_t>(pictures, call->turn->at_a_time_)));
    call->error = error;
    call->done = true;
    if (call != &oldest) answered_.push_back(call);
  }
}

}  // namespace imagent
