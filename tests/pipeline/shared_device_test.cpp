// Turns on a device: who may enter when, and what becomes of a call that fails for one of several runs.
#include "pipeline/shared_device.h"

#include <array>
#include <thread>

#include "ops/ops.h"
#include "pipeline/loaded_model.h"
#include "support/devices.h"
#include "tensor/counting_backend.h"

namespace imagent::test {
namespace {

constexpr auto moment = std::chrono::milliseconds(100);

class Turns : public testing::Test {
 protected:
  // Starts a run that notes its name when its turn has come.
  void start(const std::string& name, const std::string& key) {
    threads_.emplace_back([this, name, key] {
      SharedDevice::Turn turn(device_, backend_, nullptr, key);
      const std::lock_guard lock(mutex_);
      order_ += name;
    });
    while (device_.waiting_runs() < static_cast<int>(threads_.size())) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::string order() {
    for (std::thread& thread : threads_) thread.join();
    return order_;
  }
  SharedDevice& device() { return device_; }
  CountingBackend& backend() { return backend_; }

 private:
  SharedDevice device_{8};
  CountingBackend backend_;
  std::mutex mutex_;
  std::string order_;
  std::vector<std::thread> threads_;
};

TEST_F(Turns, RunsOfOtherKindsAreNotOvertaken) {
  {
    const SharedDevice::Turn first(device(), backend(), nullptr, "a");
    start("B", "b");
    start("c", "a");  // of the first one's kind
  }
  EXPECT_EQ(order(), "Bc");
}

TEST_F(Turns, RunsWithoutAKindAreAlone) {
  {
    const SharedDevice::Turn first(device(), backend(), nullptr, "");
    start("a", "");
    start("b", "");
    start("c", "x");
  }
  EXPECT_EQ(order(), "abc");
}

TEST_F(Turns, WhoWaitsCanBeCancelled) {
  std::atomic<bool> cancel = false;
  const SharedDevice::Turn first(device(), backend(), nullptr, "a");
  std::thread raise([&] {
    std::this_thread::sleep_for(moment);
    cancel = true;
  });
  EXPECT_THROW(SharedDevice::Turn(device(), backend(), &cancel, "b"), Error);
  EXPECT_EQ(device().waiting_runs(), 0);
  raise.join();
}

TEST(SharedCalls, AFaultIsThatOfItsRunAlone) {
  const auto backend = make_backend("cpu", {.threads = 2});
  LoadedModel model(open_model_source(source_dir() / "models/demo", {}), *backend, DType::f32);
  const UNet2DConditionModel& unet = model.unet();
  const auto text = std::make_shared<Conditioning>(Conditioning{.tokens = 77, .width = unet.context_width(), .states = std::vector<float>(77 * unet.context_width(), 0.1f), .pooled = {}});
  Guidance guidance;
  guidance.positive = {{.conditioning = text, .weight = 1, .time_ids = {}}};
  const std::vector<float> right(4 * 8 * 8, 0.5f), wrong(4 * 8 * 7, 0.5f);
  SharedDevice device(8);
  std::vector<Denoised> output;
  std::atomic<int> faults = 0;
  std::atomic<bool> holding = false;
  const auto run = [&](const std::vector<float>& latents) {
    SharedDevice::Turn turn(device, *backend, nullptr, "a");
    turn.limit_pictures(8);
    if (!holding.exchange(true))
      while (device.waiting_runs() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const std::vector<DenoiseJob> jobs = {{.input = latents, .timestep = 10, .guidance = &guidance}};
    try {
      auto answer = turn.denoise({.unet = &unet, .compute = DType::f32, .height = 8, .width = 8, .tokens = 77}, jobs);
      output = std::move(answer);
    } catch (const Error&) {
      ++faults;
    }
    EXPECT_EQ(turn.largest_call(), 1);
  };
  std::thread other([&] { run(wrong); });
  run(right);
  other.join();
  EXPECT_EQ(faults, 1);
  ASSERT_EQ(output.size(), 1u);
  const std::vector<DenoiseJob> jobs = {{.input = right, .timestep = 10, .guidance = &guidance}};
  EXPECT_EQ(output[0].guided, denoise(unet, DType::f32, 8, 8, jobs)[0].guided);
}

TEST(SharedCalls, WorkSideBySideIsDoneForEachRunAndFailsForItsOwn) {
  const auto backend = make_backend("cpu", {.threads = 2});
  SharedDevice device(8);
  std::atomic<bool> holding = false;
  const auto run = [&](const std::function<void(int64_t)>& one) {
    SharedDevice::Turn turn(device, *backend, nullptr, "a");
    turn.limit_pictures(8);
    if (!holding.exchange(true))
      while (device.waiting_runs() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    turn.side_by_side(3, one);
  };
  std::array<std::atomic<bool>, 3> done = {};
  std::thread other([&] { EXPECT_THROW(run([](int64_t i) { check(i != 1, "the second fails"); }), Error); });
  run([&](int64_t i) { done[i] = true; });
  other.join();
  for (const auto& one : done) EXPECT_TRUE(one);
}

}  // namespace
}  // namespace imagent::test
