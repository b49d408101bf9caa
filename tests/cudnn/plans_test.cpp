// Whether cuDNN has plans for what src/cuda asks of it, on cards that are only described to it: none is needed for that.
// Attention is not asked for, its plans want NVIDIA's driver.
#include "cuda/cudnn.cpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tensor/counting_backend.h"

namespace imagent::cuda {
namespace {

struct Card {
  std::string name;
  int version, processors, shared_memory;
};

std::shared_ptr<fe::DeviceProperties> properties(const Card& card) {
  const nlohmann::json json = {{"deviceName", card.name}, {"deviceVer", card.version}, {"driverVer", 13000}, {"cudaDeviceId", 0}, {"pciDeviceId", 0},
                               {"multiProcessorCount", card.processors}, {"maxGridSize", {2147483647, 65535, 65535}}, {"maxBlockSize", {1024, 1024, 64}},
                               {"regsPerBlock", 65536}, {"maxRegistersPerSM", 65536}, {"warpSize", 32}, {"maxSharedMemoryPerBlock", 49152},
                               {"maxSharedMemoryPerBlockOptin", card.shared_memory}, {"reservedSharedMemoryPerBlock", 1024}, {"maxCtasPerSM", 32},
                               {"maxThreadsPerBlock", 1024}, {"maxThreadsPerSM", 2048}, {"isTccDriver", 0}, {"supportCoopLaunch", 1},
                               {"totalGlobalMem", int64_t{80} << 30}, {"smClockRateKHz", 1410000}, {"memClockRateKHz", 1593000}, {"l2CacheSize", 40 << 20}};
  const std::string text = json.dump();
  auto made = std::make_shared<fe::DeviceProperties>();
  fe::error_t error = made->deserialize(std::vector<uint8_t>(text.begin(), text.end()));
  EXPECT_TRUE(error.is_good()) << error.get_message();
  return made;
}

class CudnnPlans : public testing::TestWithParam<Card> {};

TEST_P(CudnnPlans, ExistForTheConvolutionsOfModels) {
  struct Case {
    Shape x;
    int64_t out;
    int kernel = 3;
    Conv2dParams p = Conv2dParams::same(3);
  };
  const auto card = properties(GetParam());
  CountingBackend backend;
  for (const DType dtype : {DType::f16, DType::bf16})
    for (const Case& c : {Case{{2, 64, 64, 4}, 320}, {{2, 64, 64, 320}, 320}, {{2, 8, 8, 2560}, 1280}, {{2, 64, 64, 320}, 320, 3, {2, 1, 1, 1, 1}}, {{2, 64, 64, 320}, 4},
                          {{1, 512, 512, 128}, 128, 3, {2, 0, 0, 1, 1}}, {{1, 1024, 1024, 128}, 128}, {{1, 512, 512, 128}, 3}, {{1, 224, 224, 3}, 1280, 14, {14, 0, 0, 0, 0}}}) {
      const Tensor x(backend, c.x, dtype), weight(backend, {c.out, c.kernel, c.kernel, c.x[3]}, dtype);
      const auto size = [&](int64_t in, int before, int after) { return (in + before + after - c.kernel) / c.p.stride + 1; };
      const Tensor y(backend, {c.x[0], size(c.x[1], c.p.pad_top, c.p.pad_bottom), size(c.x[2], c.p.pad_left, c.p.pad_right), c.out}, dtype);
      Graph graph;
      describe_conv2d(graph, y, x, weight, c.p);
      graph.set_device_properties(card);
      EXPECT_TRUE(find_plan(graph, nullptr)) << name_of(dtype) << ' ' << c.x << " to " << c.out;
    }
}

INSTANTIATE_TEST_SUITE_P(Cards, CudnnPlans, testing::Values(Card{"A100", 800, 108, 166912}, Card{"H100", 900, 132, 232448}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace imagent::cuda
