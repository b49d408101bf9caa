// What runs out of memory is computed in smaller pieces: the order of tries, UNet calls and upscaling on a small processor
// (runs: tests/emulated_card/memory_test.cpp).
#include "pipeline/out_of_memory.h"

#include <atomic>
#include <thread>

#include "image/codec.h"
#include "pipeline/loaded_model.h"
#include "pipeline/network_upscaler.h"
#include "pipeline/shared_device.h"
#include "support/error_of.h"
#include "support/golden.h"
#include "support/pictures.h"
#include "support/small_backend.h"

namespace imagent::test {
namespace {

TEST(OutOfMemory, SizesAreTriedInTheirOrder) {
  SmallBackend backend;
  const std::vector<int> sizes = {8, 8, 4, 2};
  std::vector<int> tried;
  const auto with_room_for = [&](int most) {
    return [&, most](int size) {
      tried.push_back(size);
      check(size <= most, ErrorKind::memory, "no room");
    };
  };
  const Pieces pieces{backend, sizes, "testing", "fewer tests would need less"};
  EXPECT_EQ(compute_in_pieces(pieces, with_room_for(5)), 4);
  EXPECT_EQ(tried, (std::vector<int>{8, 8, 4}));
  const Error error = error_of([&] { compute_in_pieces(pieces, with_room_for(1)); });
  EXPECT_EQ(error.kind, ErrorKind::memory);
  EXPECT_EQ(error.text, "memory ran out while testing: fewer tests would need less (no room)");
  tried.clear();
  EXPECT_EQ(error_of([&] {
              compute_in_pieces(pieces, [&](int size) {
                tried.push_back(size);
                fail(ErrorKind::model, "another fault");
              });
            }).text,
            "another fault");
  EXPECT_EQ(tried.size(), 1u);
}

struct UNetCalls : testing::Test {
  SmallBackend backend;
  LoadedModel model{open_model_source(source_dir() / "models/demo", {}), backend, DType::f32};
  const UNet2DConditionModel& unet = model.unet();
  Guidance guidance;
  std::vector<std::vector<float>> latents;
  std::vector<DenoiseJob> jobs;
  DenoiseKind kind{.unet = &unet, .compute = DType::f32, .height = 8, .width = 8, .tokens = 77};

  UNetCalls() {
    const auto width = static_cast<size_t>(unet.context_width());
    const auto text = std::make_shared<Conditioning>(Conditioning{.tokens = 77, .width = unet.context_width(), .states = std::vector<float>(77 * width, 0.1f), .pooled = {}});
    guidance.positive = {{.conditioning = text, .weight = 1, .time_ids = {}}};
    for (int i = 0; i < 4; ++i) latents.emplace_back(4 * 8 * 8, 0.3f * static_cast<float>(i));
    for (const std::vector<float>& input : latents) jobs.push_back({.input = input, .timestep = 10, .guidance = &guidance});
  }
  std::vector<Denoised> expected(std::span<const DenoiseJob> of) { return denoise(unet, DType::f32, 8, 8, of); }
  size_t wanted(size_t pictures) {
    return backend.wanted_by([&] { expected(std::span(jobs).first(pictures)); });
  }
};

void expect_same(const std::vector<Denoised>& got, const std::vector<Denoised>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i].guided, expected[i].guided) << i;
}

TEST_F(UNetCalls, AreMadeForFewerPictures) {
  const std::vector<Denoised> whole = expected(jobs);
  const size_t two = wanted(2), four = wanted(4);
  SharedDevice device;
  SharedDevice::Turn turn(device, backend, nullptr, "");
  expect_same(turn.denoise(kind, jobs), whole);
  EXPECT_EQ(turn.largest_call(), 4);
  EXPECT_GE(turn.pictures_at_a_time(), 4);
  backend.limit = backend.in_use() + (two + four) / 2;
  expect_same(turn.denoise(kind, jobs), whole);
  EXPECT_EQ(turn.pictures_at_a_time(), 2);
  backend.limit = backend.in_use() + two;  // enough for what the run knows by now
  expect_same(turn.denoise(kind, jobs), whole);
  backend.limit = backend.in_use() + wanted(1) / 2;
  const Error error = error_of([&] { turn.denoise(kind, jobs); });
  EXPECT_EQ(error.kind, ErrorKind::memory);
  EXPECT_TRUE(error.text.starts_with("memory ran out while denoising 64x64 pixels: ")) << error.text;
}

// Two runs whose pictures are denoised in one call.
TEST_F(UNetCalls, OfSeveralRunsEndForEach) {
  const std::vector<Denoised> whole = expected(jobs);
  SharedDevice device(8);
  backend.limit = backend.in_use() + (wanted(2) + wanted(4)) / 2;
  std::atomic<bool> holding = false;
  const auto run = [&](size_t first) {
    SharedDevice::Turn turn(device, backend, nullptr, "a");
    turn.limit_pictures(8);
    if (!holding.exchange(true))
      while (device.waiting_runs() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    expect_same(turn.denoise(kind, std::span(jobs).subspan(first, 2)), {whole.begin() + static_cast<std::ptrdiff_t>(first), whole.begin() + static_cast<std::ptrdiff_t>(first) + 2});
    EXPECT_EQ(turn.pictures_at_a_time(), 2);
  };
  std::thread other([&] { run(2); });
  run(0);
  other.join();
}

TEST(OutOfMemory, UpscalersTakeSmallerTiles) {
  SmallBackend backend;
  std::vector<std::string> notes;
  const NetworkUpscaler upscaler(golden("upscale/compact_x4.safetensors"), {.backend = &backend, .tile = 0, .note = [&](const std::string& text) { notes.push_back(text); }});
  const Image picture = read_image(golden("upscale/input_tile.png"));
  Image whole;
  const size_t wanted = backend.wanted_by([&] { whole = upscaler.enlarge(picture, {}); });
  EXPECT_TRUE(notes.empty());
  backend.limit = backend.in_use() + wanted * 9 / 10;
  EXPECT_LE(difference(upscaler.enlarge(picture, {}), whole).largest, 1);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_TRUE(notes[0].starts_with("memory ran out: compact_x4 works in tiles of ")) << notes[0];
  backend.limit = backend.in_use() + 1000;
  const Error error = error_of([&] { upscaler.enlarge(picture, {}); });
  EXPECT_EQ(error.kind, ErrorKind::memory);
  EXPECT_TRUE(error.text.starts_with("memory ran out while enlarging ")) << error.text;
  EXPECT_NE(error.text.find(" in tiles of 32: "), std::string::npos) << error.text;
}

}  // namespace
}  // namespace imagent::test
