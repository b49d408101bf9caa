// Upscaling networks against PyTorch: golden/upscale, all namings and formats.
#include "image/codec.h"
#include "models/esrgan.h"
#include "support/devices.h"
#include "weights/open.h"

namespace imagent::test {
namespace {

struct UpscaleNetworks : OnEveryBackend {};

Tensor upload_unit(Backend& backend, const Image& image) { return imagent::upload(backend, {1, image.height, image.width, 3}, unit_from_image(image)); }

TEST_P(UpscaleNetworks, AgreeWithPyTorchInEveryNaming) {
  const auto document = read_json(golden("upscale/cases.json"));
  int compared = 0;
  for (const auto& c : document["cases"]) {
    if (!c.contains("output_tensor")) continue;
    const auto& model = document["models"][c["model"].get<std::string>()];
    for (const std::string file : model["files"]) {
      if (!std::filesystem::exists(golden("upscale/" + file))) continue;  // the same weights are there under other names
      SCOPED_TRACE(file);
      const auto network = make_upscale_network(open_weights(golden("upscale/" + file)), device(), DType::f32);
      EXPECT_EQ(network->scale, model["scale"].get<int>());
      const Tensor out = (*network)(upload_unit(device(), read_image(golden("upscale/" + c["input"].get<std::string>()))));
      const Array expected = Arrays(golden("upscale/" + c["output_tensor"].get<std::string>()))["output"];
      EXPECT_LE(max_abs_difference(to_planar(out), expected.values), 2e-5);
      ++compared;
    }
  }
  EXPECT_EQ(compared, 6);
}

// An output pixel may depend on so many pixels of the input and on no more: tiles rely on it.
TEST_P(UpscaleNetworks, ReachIsWhatTheySee) {
  for (const char* file : {"compact_x4.safetensors", "rrdb_x2_plain.safetensors", "rrdb_x2_unshuffle.safetensors"}) {
    SCOPED_TRACE(file);
    const auto network = make_upscale_network(open_weights(golden("upscale/" + std::string(file))), device(), DType::f32);
    const int changed = 2, seen = changed + network->reach, width = (seen + 4 + network->cell) / network->cell * network->cell, height = network->cell;
    std::vector<float> picture(static_cast<size_t>(3) * width * height, 0.5f);
    const auto run = [&] { return download((*network)(imagent::upload(device(), {1, height, width, 3}, picture))); };
    const std::vector<float> before = run();
    for (int y = 0; y < height; ++y)
      for (int i = 0; i < 3; ++i) picture[(static_cast<size_t>(y) * width + changed) * 3 + i] = 1;
    const std::vector<float> after = run();
    int last = 0;
    for (int x = 0; x < width * network->scale; ++x)
      if (before[static_cast<size_t>(x) * 3] != after[static_cast<size_t>(x) * 3]) last = x / network->scale;
    EXPECT_LE(last, seen);
    EXPECT_GE(last, changed + network->cell);
  }
}

IMAGENT_ON_EVERY_BACKEND(UpscaleNetworks);

}  // namespace
}  // namespace imagent::test
