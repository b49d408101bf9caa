// A whole model whose linear layers multiply 8-bit numbers, on an emulated card: its UNet against diffusers in f32, its memory.
#include <algorithm>

#include "emulated_backend.h"
#include "models/unet.h"
#include "pipeline/loaded_model.h"
#include "pipeline/model_config.h"
#include "pipeline/model_folder.h"
#include "pipeline/model_source.h"
#include "support/devices.h"

namespace imagent::test {
namespace {

struct EightBitModel : testing::TestWithParam<DType> {
  // dB of the range of the output: 47.3 and 36.9 were measured; all in bf16 is above the limit below.
  double least = GetParam() == DType::i8 ? 46 : 35;
};

// The toy model of 8x8 latents, the first picture of the golden: all of its linear layers are large enough here.
TEST_P(EightBitModel, UNetIsNearTheGolden) {
  cuda::CudaBackend backend({.eight_bit = {.dtype = GetParam(), .least = 256}});
  const ModelFolder folder(golden("models/sd15-tiny"));
  const Weights weights(folder.weights("unet", false), backend, DType::bf16);
  const UNet2DConditionModel unet(weights, unet_config(folder.config("unet"), "unet"));
  const Arrays arrays(golden("components/unet/sd15-tiny.8x8.safetensors"));
  UNetConditions conditions;
  conditions.context = upload(backend, arrays["encoder_hidden_states"], DType::bf16).rows(0, 1);
  conditions.timesteps = {arrays["timestep"].values[0]};
  const std::vector<float> got = to_planar(unet(upload_picture(backend, arrays["sample"], DType::bf16).rows(0, 1), conditions));
  std::vector<float> expected = arrays["out"].values;
  expected.resize(got.size());
  const auto [low, high] = std::minmax_element(expected.begin(), expected.end());
  const double reached = psnr(got, expected, *high - *low);
  EXPECT_GE(reached, least);
  EXPECT_LE(reached, 52) << "not in 8 bits";
}

TEST_P(EightBitModel, TakesLessMemoryAndThatIsForeseen) {
  cuda::CudaBackend backend({.eight_bit = {.dtype = GetParam(), .least = 256}});
  const auto source = open_model_source(golden("models/sd15-tiny"));
  const RunShape shape{.latent_height = 8, .latent_width = 8, .compute = DType::bf16};
  LoadedModel model(source, backend, DType::bf16), as_ever(source, emulated_cuda(), DType::bf16);
  const MemoryNeed need = model.memory_need(shape);
  EXPECT_LT(need.weights, as_ever.memory_need(shape).weights * 9 / 10);
  model.load();
  EXPECT_GE(need.weights, model.packed_bytes());
  EXPECT_LE(need.weights, model.packed_bytes() * 11 / 10) << "biases are foreseen as f32";
}

INSTANTIATE_TEST_SUITE_P(Types, EightBitModel, testing::Values(DType::i8, DType::f8_e4m3), [](const auto& info) { return info.param == DType::i8 ? "int8" : "fp8"; });

}  // namespace
}  // namespace imagent::test
