// Pictures of one seed on every device and in every dtype against those of the CPU in f32, within a stated PSNR.
#include "pipeline/engine.h"
#include "support/devices.h"
#include "support/pictures.h"

namespace imagent::test {
namespace {

struct Arithmetic {
  std::string device;
  DType dtype;
};

Image draw(const Request& request, const Arithmetic& arithmetic) {
  static std::map<std::string, std::unique_ptr<Engine>> engines;
  auto& engine = engines[arithmetic.device];
  if (!engine) engine = std::make_unique<Engine>(EngineOptions{.device = arithmetic.device, .threads = 0, .builtin_model = source_dir() / "models/demo"});
  Request r = request;
  r.dtype = arithmetic.dtype;
  return engine->generate(r).results[0].image;
}

struct OtherArithmetic : testing::TestWithParam<Arithmetic> {
  void SetUp() override {
    const auto& [device, dtype] = GetParam();
    if (const std::string why = missing_device(device); !why.empty()) GTEST_SKIP() << device << ": " << why;
    if (!backend(device).supports(dtype)) GTEST_SKIP() << "this " << device << " has no instructions for " << name_of(dtype);
  }
};

// The CPU's bf16, measured: 43.5 to 49.8 dB for the toy models, 55 dB for the built-in one; PyTorch's own bf16 reaches 37 dB on
// the full-size model (golden/fullsize). In f32 the goldens ask for 60 dB from PyTorch.
TEST_P(OtherArithmetic, GivesNearlyTheSamePictures) {
  const double limit = GetParam().dtype == DType::f32 ? 60 : 40;
  const auto likeness = [](const Request& r) { return difference(draw(r, GetParam()), draw(r, {"cpu", DType::f32})).psnr; };
  Request r;
  r.seed = 5;
  r.guidance_scale = 3.5f;
  r.steps = 10;
  for (const char* prompt : {"a red house by the sea at sunset", "a yellow car in the desert on a sunny day"}) {
    r.prompt = prompt;
    EXPECT_GE(likeness(r), limit) << prompt;
  }
  r.width = r.height = 64;
  for (const char* model : {"sd15", "sd21", "sdxl", "sdxl-turbo", "sd15-lcm", "sd15-tiny"}) {
    r.model = golden(str("models/", model)).string();
    r.steps = 4;
    EXPECT_GE(likeness(r), limit) << model;
  }
}

INSTANTIATE_TEST_SUITE_P(Arithmetics, OtherArithmetic,
                         testing::Values(Arithmetic{"cpu", DType::bf16}, Arithmetic{"cuda", DType::f32}, Arithmetic{"cuda", DType::f16}, Arithmetic{"cuda", DType::bf16}),
                         [](const auto& info) { return info.param.device + "_" + std::string(name_of(info.param.dtype)); });

}  // namespace
}  // namespace imagent::test
