// Names of adapters' files: those of the published ones, by their layout alone.
#include "weights/names_adapters.h"

#include <gtest/gtest.h>

#include "base/str.h"
#include "support/zero_source.h"

namespace imagent::test {
namespace {

// t2iadapter_canny_sd14v1.pth and its kind: eight blocks in a row, two a level.
Shapes original_t2i_adapter() {
  Shapes shapes = {{"conv_in.weight", {320, 64, 3, 3}}, {"conv_in.bias", {320}}};
  const int64_t widths[] = {320, 640, 1280, 1280};
  for (int64_t i = 0; i < 8; ++i) {
    const int64_t width = widths[i / 2];
    const std::string block = str("body.", i, ".");
    if (i == 2 || i == 4) shapes[block + "in_conv.weight"] = {width, widths[i / 2 - 1], 1, 1}, shapes[block + "in_conv.bias"] = {width};
    shapes[block + "block1.weight"] = {width, width, 3, 3}, shapes[block + "block1.bias"] = {width};
    shapes[block + "block2.weight"] = {width, width, 1, 1}, shapes[block + "block2.bias"] = {width};
  }
  return shapes;
}

Shapes as_read(const Shapes& file, TensorTable (*names)(const std::vector<std::string>&)) {
  const auto source = std::make_shared<ZeroSource>(file);
  return shapes_of(*rearranged(source, names(source->names())));
}

TEST(AdapterNames, OriginalT2IAdapters) {
  const Shapes file = original_t2i_adapter(), read = as_read(file, t2i_adapter_names);
  EXPECT_TRUE(is_t2i_adapter(ZeroSource(file).names()));
  EXPECT_EQ(read.size(), file.size());
  EXPECT_EQ(read.at("body.0.resnets.1.block1.weight"), (std::vector<int64_t>{320, 320, 3, 3}));
  EXPECT_EQ(read.at("body.1.in_conv.weight"), (std::vector<int64_t>{640, 320, 1, 1}));
  EXPECT_EQ(read.at("body.3.resnets.1.block2.bias"), std::vector<int64_t>{1280});
  EXPECT_FALSE(read.contains("body.4.resnets.0.block1.weight"));
}

TEST(AdapterNames, LightAndDiffusersT2IAdapters) {
  const Shapes light = {{"body.0.in_conv.weight", {80, 192, 1, 1}}, {"body.0.body.0.block1.weight", {80, 80, 3, 3}}, {"body.0.body.3.block2.bias", {80}}, {"body.3.out_conv.bias", {1280}}};
  const Shapes diffusers = {{"adapter.body.0.in_conv.weight", {80, 192, 1, 1}}, {"adapter.body.0.resnets.0.block1.weight", {80, 80, 3, 3}},
                            {"adapter.body.0.resnets.3.block2.bias", {80}}, {"adapter.body.3.out_conv.bias", {1280}}};
  EXPECT_TRUE(is_t2i_adapter(ZeroSource(light).names()));
  EXPECT_TRUE(is_t2i_adapter(ZeroSource(diffusers).names()));
  EXPECT_EQ(as_read(light, t2i_adapter_names), as_read(diffusers, t2i_adapter_names));
}

TEST(AdapterNames, UpscalersAreNoT2IAdapters) {
  EXPECT_FALSE(is_t2i_adapter({"body.0.rdb1.conv1.weight", "conv_first.weight"}));
  EXPECT_FALSE(is_t2i_adapter({"body.0.weight", "body.1.weight"}));
}

TEST(AdapterNames, StackedKeysAndValuesOfIpAdapters) {
  const Shapes file = {{"image_proj.latents", {1, 16, 768}}, {"image_proj.layers.0.0.to_kv.weight", {1536, 768}}, {"image_proj.layers.0.0.to_q.weight", {768, 768}},
                       {"ip_adapter.1.to_k_ip.weight", {320, 768}}};
  EXPECT_TRUE(is_ip_adapter(ZeroSource(file).names()));
  const Shapes read = as_read(file, ip_adapter_names);
  EXPECT_EQ(read.size(), 5u);
  EXPECT_EQ(read.at("image_proj.layers.0.0.to_k.weight"), (std::vector<int64_t>{768, 768}));
  EXPECT_EQ(read.at("image_proj.layers.0.0.to_v.weight"), (std::vector<int64_t>{768, 768}));
  Shapes odd = file;
  odd["image_proj.layers.0.0.to_kv.weight"] = {1535, 768};
  EXPECT_THROW(as_read(odd, ip_adapter_names), Error);
}

}  // namespace
}  // namespace imagent::test
