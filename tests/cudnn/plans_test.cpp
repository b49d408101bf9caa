// Whether cuDNN has plans for what src/cuda asks of it, on cards that are only described to it: none is needed for that, nor a
// driver, for which there is a stand-in. Its kernels are written and compiled, and never run.
#include "cuda/cudnn.cpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tensor/counting_backend.h"

// Before it describes attention the frontend asks which card it is on. These stand in the place of the runtime's functions.
static int present_major = 0;
extern "C" cudaError_t __wrap_cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
extern "C" cudaError_t __wrap_cudaGetDeviceProperties(cudaDeviceProp* card, int) {
  *card = {};
  card->major = present_major;
  return cudaSuccess;
}

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

struct Layer {
  Shape x;
  int64_t out;
  int kernel = 3;
  Conv2dParams p = Conv2dParams::same(3);
};
const Conv2dParams halving{2, 1, 1, 1, 1};

// What follows a product.
struct After {
  std::string name;
  bool bias = true, residual = false;
  Act act = Act::none;
};

struct AttentionOf {
  int64_t images, queries, keys;
  int heads;
  int64_t width;
  bool causal = false;
};

class CudnnPlans : public testing::TestWithParam<Card> {
 protected:
  void SetUp() override {
    ASSERT_EQ(cuInit(0), CUDA_ERROR_NO_DEVICE) << "this is no stand-in";
    load_kernel_compiler();
    present_major = GetParam().version / 100;
  }

  void expect_plans(const std::vector<Layer>& layers, const After& after) {
    for (const DType dtype : {DType::f16, DType::bf16})
      for (const Layer& layer : layers) EXPECT_TRUE(has_plan(layer, after, dtype)) << name_of(dtype) << ' ' << layer.x << " to " << layer.out << ' ' << after.name;
  }
  void expect_plan(const AttentionOf& c, DType dtype) {
    const Tensor q(backend_, {c.images, c.queries, c.heads * c.width}, dtype), k(backend_, {c.images, c.keys, c.heads * c.width}, dtype);
    Graph graph;
    describe_attention(graph, q.like(q.shape()), {q, k, k, c.heads, c.causal}, fe::AttentionImplementation_t::COMPOSITE);
    graph.set_device_properties(card_);
    EXPECT_TRUE(find_plan(graph, nullptr, Kernels::compiled)) << name_of(dtype) << ' ' << c.queries << " x " << c.keys << " x " << c.width;
  }

 private:
  bool has_plan(const Layer& c, const After& after, DType dtype) {
    const Tensor x(backend_, c.x, dtype), weight(backend_, {c.out, c.kernel, c.kernel, c.x[3]}, dtype);
    const auto size = [&](int64_t in, int before, int behind) { return (in + before + behind - c.kernel) / c.p.stride + 1; };
    const Tensor y(backend_, {c.x[0], size(c.x[1], c.p.pad_top, c.p.pad_bottom), size(c.x[2], c.p.pad_left, c.p.pad_right), c.out}, dtype);
    const Epilogue e{.act = after.act, .per_image = {}, .residual = after.residual ? y.like(y.shape()) : Tensor()};
    Graph graph;
    describe_conv2d(graph, y, {x, weight, after.bias ? Tensor(backend_, {c.out}, dtype) : Tensor(), c.p, e});
    graph.set_device_properties(card_);
    return find_plan(graph, nullptr, Kernels::ready);
  }

  CountingBackend backend_;
  std::shared_ptr<fe::DeviceProperties> card_ = properties(GetParam());
};

const std::vector<Layer> unet = {{{2, 64, 64, 4}, 320}, {{2, 64, 64, 960}, 320}, {{2, 64, 64, 320}, 320, 3, halving}, {{2, 16, 16, 1280}, 1280}, {{2, 8, 8, 2560}, 1280},
                                 {{2, 64, 64, 320}, 4}, {{16, 64, 64, 640}, 320}, {{2, 128, 128, 320}, 320}, {{2, 64, 64, 1920}, 640}, {{1, 32, 32, 1280}, 1280}};
const std::vector<Layer> vae = {{{1, 64, 64, 4}, 512}, {{1, 512, 512, 256}, 128}, {{1, 1024, 1024, 128}, 128}, {{1, 512, 512, 128}, 3}, {{1, 512, 512, 128}, 128, 3, {2, 0, 0, 1, 1}}};
// The second convolution of a residual block.
const std::vector<Layer> residual = {{{2, 64, 64, 320}, 320}, {{2, 32, 32, 640}, 640}, {{2, 16, 16, 1280}, 1280}, {{2, 8, 8, 1280}, 1280}, {{2, 128, 128, 320}, 320},
                                     {{16, 64, 64, 320}, 320}, {{1, 64, 64, 512}, 512}, {{1, 512, 512, 128}, 128}, {{1, 1024, 1024, 128}, 128}};
const Layer patches{{1, 224, 224, 3}, 1280, 14, {14, 0, 0, 0, 0}};  // of an image encoder

TEST_P(CudnnPlans, ProductsAlone) {
  expect_plans(unet, {.name = "alone", .bias = false});
  expect_plans(vae, {.name = "alone", .bias = false});
  expect_plans({patches}, {.name = "alone", .bias = false});
}

TEST_P(CudnnPlans, ProductsWithBias) {
  expect_plans(unet, {.name = "+ bias"});
  expect_plans(vae, {.name = "+ bias"});
}

TEST_P(CudnnPlans, ProductsWithBiasAndResidual) { expect_plans(residual, {.name = "+ bias + residual", .residual = true}); }

// TAESD's.
TEST_P(CudnnPlans, ProductsWithBiasAndRelu) { expect_plans({{{1, 64, 64, 64}, 64}, {{1, 512, 512, 64}, 64}}, {.name = "+ bias, relu", .act = Act::relu}); }

// Of the UNets (SD 1.5's width grows with its depth), of the VAE's middle, of text.
TEST_P(CudnnPlans, Attention) {
  for (const AttentionOf& c : {AttentionOf{2, 4096, 4096, 8, 40}, {2, 256, 77, 8, 160}, {2, 4096, 4096, 10, 64}, {1, 4096, 4096, 1, 512}, {1, 77, 77, 12, 64, true}})
    expect_plan(c, DType::f16);
  expect_plan({2, 1024, 1024, 8, 80}, DType::bf16);
}

INSTANTIATE_TEST_SUITE_P(Cards, CudnnPlans, testing::Values(Card{"A100", 800, 108, 166912}, Card{"H100", 900, 132, 232448}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace imagent::cuda
