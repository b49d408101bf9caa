// The bench on toy models: what is measured when whole pictures are asked for, and that these are pictures.
#include "pipeline/bench_networks.h"

#include <gtest/gtest.h>

#include "cpu/cpu_backend.h"
#include "support/golden.h"

namespace imagent::test {
namespace {

CpuBackend& cpu() {
  static CpuBackend backend(2);
  return backend;
}

TEST(Benchmark, MeasuresPicturesAloneAndTogether) {
  std::vector<std::string> phases;
  const BenchmarkReport report = run_benchmark(cpu(), {.model = golden("models/sd15-tiny").string(), .size = 64, .repetitions = 1, .steps = 1, .batch = 2},
                                               [&](const std::string& phase) { phases.push_back(phase); });
  EXPECT_EQ(phases, (std::vector<std::string>{"load", "text encoder", "UNet step", "VAE decode", "a picture", "2 pictures"}));
  ASSERT_EQ(report.pictures.size(), 2u);
  EXPECT_EQ(report.pictures[0].pictures, 1);
  EXPECT_EQ(report.pictures[1].pictures, 2);
  for (const PicturesResult& result : report.pictures) EXPECT_GT(result.seconds, 0);
}

// SDXL is told pooled text and sizes besides, an LCM its guidance.
TEST(Benchmark, DrawsAsARunDoes) {
  for (const char* model : {"sd15-tiny", "sdxl", "sd15-lcm"}) {
    const BenchNetworks networks(cpu(), {.model = golden(str("models/", model)).string()});
    const auto draw = [&](int pictures, bool guidance) { return draw_pictures(networks, {.size = 64, .steps = 2, .pictures = pictures, .guidance = guidance}); };
    const std::vector<Image> together = draw(3, true), alone = draw(1, true), unguided = draw(1, false);
    ASSERT_EQ(together.size(), 3u) << model;
    EXPECT_EQ(together[0].width, 64);
    EXPECT_EQ(together[0].pixels, alone[0].pixels) << model;
    EXPECT_NE(together[1].pixels, together[0].pixels) << model;
    EXPECT_NE(unguided[0].pixels, alone[0].pixels) << model;
  }
}

}  // namespace
}  // namespace imagent::test
