// GGUF: every good and broken file of golden/formats/gguf, and every quantised type against ggml's own values.
#include "weights/gguf.h"

#include <unistd.h>

#include <fstream>

#include "weights/format_cases.h"
#include "weights/safetensors.h"

namespace imagent::test {
namespace {

std::filesystem::path file(const std::string& name) { return golden("formats/gguf/" + name); }

TEST(Gguf, EveryGoodAndBrokenFile) {
  const auto errors = run_cases("gguf", open_gguf);
  const std::pair<const char*, const char*> named[] = {
      {"bad_version_1.gguf", "version 1"}, {"bad_big_endian.gguf", "big-endian"}, {"bad_tensor_removed_type.gguf", "unknown type 4"},
      {"bad_block_size.gguf", "no multiple of 32"}, {"bad_alignment_3.gguf", "alignment 3"}, {"bad_truncated_data.gguf", "truncated"}};
  for (const auto& [name, part] : named) EXPECT_NE(errors.at(name).find(part), std::string::npos) << errors.at(name);
}

TEST(Gguf, EveryTypeWidensToGgmlsValues) {
  const auto source = open_gguf(file("all_types.gguf"));
  const Arrays want(file("all_types_dequantized.safetensors"));
  size_t refused = 0;
  for (const std::string& name : source->names()) {
    SCOPED_TRACE(name);
    std::optional<TensorView> view;
    try {
      view = source->find(name);
    } catch (const Error& error) {  // the types with code books of their own
      EXPECT_EQ(error.kind, ErrorKind::unsupported);
      EXPECT_TRUE(name.starts_with("random.IQ")) << error.text;
      ++refused;
      continue;
    }
    const std::vector<float> got = to_f32(*view);
    const Array expected = want[name];
    EXPECT_EQ(view->shape, expected.shape);
    ASSERT_EQ(got.size(), expected.values.size());
    const double tolerance = name.starts_with("random.") ? 1e-6 : 0;
    for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected.values[i], tolerance * std::abs(expected.values[i])) << i;
  }
  EXPECT_EQ(refused, 6u);
}

TEST(Gguf, Metadata) {
  const auto metadata = open_gguf(file("all_types.gguf"))->metadata();
  EXPECT_EQ(metadata.at("general.name"), "toy quant types");
  EXPECT_EQ(metadata.at("test.u32"), "7");
  EXPECT_EQ(metadata.at("test.i64"), "-5");
  EXPECT_EQ(metadata.at("test.f32"), "0.5");
  EXPECT_EQ(metadata.at("test.bool"), "true");
}

TEST(Gguf, PlainTensorsAreViewedInPlace) {
  for (const char* name : {"ok_minimal.gguf", "ok_alignment_64.gguf", "ok_version2.gguf"}) {
    const auto source = open_gguf(file(name));
    const std::vector<float> values = to_f32(source->find("w").value());
    ASSERT_EQ(values.size(), 32u);
    for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], static_cast<float>(i));
    EXPECT_EQ(source->find("w")->bytes.data(), source->find("w")->bytes.data());
  }
}

TEST(Gguf, AModelOfMixedTypes) {
  const auto source = open_gguf(file("sd15-inpaint_unet_q8_0.gguf"));
  const Arrays want(file("sd15-inpaint_unet_some_dequantized.safetensors"));
  for (const std::string& name : want.names()) {
    const TensorView view = source->find(name).value();
    EXPECT_EQ(view.dtype, DType::f32);
    EXPECT_EQ(view.shape, want[name].shape);
    EXPECT_EQ(to_f32(view), want[name].values) << name;
    source->release(view);  // an own buffer: nothing of the file to give back, and the values stay
    EXPECT_EQ(to_f32(view), want[name].values) << name;
  }
  EXPECT_EQ(source->find("model.diffusion_model.input_blocks.0.0.weight")->dtype, DType::f16);
  EXPECT_EQ(source->find("model.diffusion_model.input_blocks.0.0.weight")->shape[1], 9);
}

// One F32 tensor "w" of 16 rows of 4, with ComfyUI's list of its own shape.
std::shared_ptr<const Source> with_own_shape(const std::vector<uint32_t>& shape) {
  const auto number = [](uint64_t value, size_t bytes) { return std::string(reinterpret_cast<const char*>(&value), bytes); };
  const auto text = [&](const std::string& value) { return number(value.size(), 8) + value; };
  std::string content = "GGUF" + number(3, 4) + number(1, 8) + number(1, 8) + text("comfy.gguf.orig_shape.w") + number(9, 4) + number(5, 4) + number(shape.size(), 8);
  for (const uint32_t dim : shape) content += number(dim, 4);
  content += text("w") + number(2, 4) + number(4, 8) + number(16, 8) + number(0, 4) + number(0, 8);
  content.resize((content.size() + 31) / 32 * 32 + 64 * sizeof(float));
  const auto path = std::filesystem::temp_directory_path() / str("imagent_gguf_", getpid());
  std::ofstream(path, std::ios::binary) << content;
  const std::shared_ptr<void> removed(nullptr, [&](void*) { std::filesystem::remove(path); });
  return open_gguf(path);
}

TEST(Gguf, TensorsOfComfyUIHaveTheirOwnShape) {
  EXPECT_EQ(with_own_shape({2, 4, 8})->find("w")->shape, (Shape{2, 4, 8}));
  EXPECT_EQ(with_own_shape({4, 4, 2, 2})->find("w")->shape, (Shape{4, 4, 2, 2}));
  EXPECT_THROW(with_own_shape({2, 4, 9}), Error);
  EXPECT_THROW(with_own_shape({0, 4}), Error);
  EXPECT_THROW(with_own_shape({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}), Error);
}

}  // namespace
}  // namespace imagent::test
