// Latents of other sizes against torch.
#include "sampling/interpolate.h"

#include <gtest/gtest.h>

#include "support/golden.h"

namespace imagent::test {
namespace {

TEST(Interpolate, AgreesWithTorch) {
  const nlohmann::json document = read_json(golden("sampling/interpolate.json"));
  Latents latents(2, 5, 6);
  latents.values = document["input"].get<std::vector<float>>();
  const std::map<std::string, Interpolation> modes = {{"nearest", Interpolation::nearest}, {"nearest-exact", Interpolation::nearest_exact},
                                                      {"bilinear", Interpolation::bilinear}, {"bicubic", Interpolation::bicubic}};
  for (const auto& c : document["cases"]) {
    SCOPED_TRACE(c["mode"].get<std::string>() + (c["antialias"] ? " antialiased " : " ") + c["height"].dump() + "x" + c["width"].dump());
    const Latents out = interpolate(latents, c["height"], c["width"], modes.at(c["mode"]), c["antialias"]);
    EXPECT_LE(max_abs_difference(out.values, c["out"].get<std::vector<float>>()), 2e-6);
  }
  EXPECT_EQ(document["cases"].size(), 24u);
}

}  // namespace
}  // namespace imagent::test
