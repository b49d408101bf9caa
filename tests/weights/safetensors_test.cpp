// safetensors: every good and broken file of golden/formats/safetensors, and the small floats.
#include "weights/safetensors.h"

#include <cmath>
#include <cstring>

#include "weights/format_cases.h"

namespace imagent::test {
namespace {

std::filesystem::path file(const std::string& name) { return golden("formats/safetensors/" + name); }
std::vector<float> values(const std::string& name, const std::string& tensor) { return to_f32(open_safetensors(file(name))->find(tensor).value()); }

TEST(Safetensors, EveryGoodAndBrokenFile) {
  const auto errors = run_cases("safetensors", open_safetensors);
  const std::pair<const char*, const char*> named[] = {
      {"bad_offset_hole.safetensors", "hole"}, {"bad_offset_overlap.safetensors", "overlap"}, {"bad_trailing_data.safetensors", "after its last"},
      {"bad_dtype.safetensors", "Q4_0"}, {"bad_duplicate_key.safetensors", "two entries"}, {"bad_shape_overflow.safetensors", "impossible shape"},
      {"bad_truncated_data.safetensors", "truncated"}, {"bad_json_deep.safetensors", "list"}};
  for (const auto& [name, part] : named) EXPECT_NE(errors.at(name).find(part), std::string::npos) << errors.at(name);
}

TEST(Safetensors, EveryDtype) {
  const std::pair<const char*, std::vector<float>> want[] = {
      {"bool", {1, 0}}, {"u8", {3, 255}}, {"i8", {-128, 127}}, {"f8_e5m2", {1, -1}}, {"f8_e4m3", {1, -1}}, {"i16", {-2}}, {"u16", {65535}}, {"f16", {1.5f}},
      {"bf16", {1.5f}}, {"i32", {-3}}, {"u32", {4e9f}}, {"f32", {0.25f}}, {"f64", {0.125f}}, {"i64", {-5}}, {"u64", {0x1p63f}}};
  for (const auto& [name, expected] : want) EXPECT_EQ(values("ok_all_dtypes.safetensors", name), expected) << name;
}

TEST(Safetensors, NamesMetadataAndShapes) {
  EXPECT_EQ(open_safetensors(file("ok_escaped_names.safetensors"))->names(), std::vector<std::string>{"w/a\n"});
  const auto metadata = open_safetensors(file("ok_metadata.safetensors"))->metadata();
  EXPECT_EQ(metadata.at("format"), "pt");
  EXPECT_EQ(metadata.at("a"), "\xc3\xbcn\xc3\xaf \"q\" \\n");
  const auto source = open_safetensors(file("ok_scalar_and_empty.safetensors"));
  EXPECT_EQ(source->find("s")->shape, Shape{});
  EXPECT_EQ(source->find("e")->shape, (Shape{0, 3}));
  EXPECT_EQ(values("ok_unaligned.safetensors", "w"), (std::vector<float>{0, 1, 2, 3}));
  EXPECT_EQ(values("ok_key_order.safetensors", "z"), (std::vector<float>{2, 3}));
}

TEST(SmallFloats, EveryCodeOfBothEightBitFormats) {
  const auto codes = open_safetensors(golden("formats/small_floats/fp8_all_codes.safetensors"));
  const Arrays want(golden("formats/small_floats/fp8_all_codes_as_f32.safetensors"));
  for (const char* name : {"e4m3fn", "e5m2"}) {
    const auto got = to_f32(codes->find(name).value());
    const auto expected = want[name].values;
    ASSERT_EQ(got.size(), 256u);
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_TRUE(std::isnan(expected[i]) ? std::isnan(got[i]) : std::bit_cast<uint32_t>(got[i]) == std::bit_cast<uint32_t>(expected[i])) << name << " code " << i;
  }
}

TEST(SmallFloats, RoundingToHalves) {
  const auto source = open_safetensors(golden("formats/small_floats/f32_rounding.safetensors"));
  const auto x = to_f32(source->find("x").value());
  for (const auto& [name, dtype] : {std::pair{"f16", DType::f16}, std::pair{"bf16", DType::bf16}}) {
    const TensorView want = source->find(name).value();
    std::vector<uint16_t> got(x.size()), expected(x.size());
    narrow_from_f32(dtype, x.data(), got.data(), x.size());
    std::memcpy(expected.data(), want.bytes.data(), want.bytes.size());
    for (size_t i = 0; i < x.size(); ++i)
      if (!std::isnan(x[i])) {
        EXPECT_EQ(got[i], expected[i]) << name << " of " << x[i];
      }
    const auto back = to_f32(want), wide = to_f32(source->find(std::string(name) + "_back").value());
    for (size_t i = 0; i < x.size(); ++i)
      if (!std::isnan(x[i])) {
        EXPECT_EQ(back[i], wide[i]) << name;
      }
  }
}

}  // namespace
}  // namespace imagent::test
