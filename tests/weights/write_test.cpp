// Written files read back bit by bit; quantised blocks against the Python package gguf, roundings against PyTorch.
#include "weights/write.h"

#include <unistd.h>

#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "base/error.h"
#include "support/zero_source.h"
#include "weights/format_cases.h"
#include "weights/gguf.h"
#include "weights/open.h"
#include "weights/safetensors.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

struct TemporaryFolder {
  fs::path path = fs::temp_directory_path() / str("imagent-write-", getpid());
  TemporaryFolder() { fs::create_directory(path); }
  ~TemporaryFolder() { fs::remove_all(path); }
};

const WroteBytes ignore = [](uint64_t) {};

// All tensors as they are.
WeightsPlan plan_of(const Source& source) {
  WeightsPlan plan;
  for (const std::string& name : source.names()) {
    const auto view = source.find(name);
    plan.tensors.push_back({name, view->shape, {.dtype = view->dtype}});
  }
  return plan;
}

template <class Write>
std::shared_ptr<const Source> written(const fs::path& path, const WeightsPlan& plan, const Source& source, Write write) {
  AtomicFile file(path);
  uint64_t bytes = 0;
  write(file, plan, source, [&](uint64_t n) { bytes += n; });
  file.commit();
  EXPECT_EQ(bytes, plan.bytes());
  return open_weights(path);
}

void expect_equal(const Source& got, const Source& want) {
  ASSERT_EQ(got.names(), want.names());
  for (const std::string& name : want.names()) {
    SCOPED_TRACE(name);
    expect_same(*got.find(name), *want.find(name));
  }
}

TEST(WriteWeights, SafetensorsOfEveryDtypeReadBackBitEqual) {
  const TemporaryFolder folder;
  for (const char* name : {"ok_all_dtypes", "ok_scalar_and_empty", "ok_escaped_names", "ok_nan_weights", "ok_unaligned"}) {
    SCOPED_TRACE(name);
    const auto source = open_safetensors(golden(str("formats/safetensors/", name, ".safetensors")));
    WeightsPlan plan = plan_of(*source);
    plan.metadata = {{"modelspec.title", "a \"quoted\" title"}, {"format", "pt"}};
    const auto copy = written(folder.path / "x.safetensors", plan, *source, write_safetensors);
    expect_equal(*copy, *source);
    EXPECT_EQ(copy->metadata(), plan.metadata);
    EXPECT_EQ(written(folder.path / "y.safetensors", {}, *source, write_safetensors)->names(), std::vector<std::string>{});
  }
}

TEST(WriteWeights, SafetensorsLieAligned) {
  const TemporaryFolder folder;
  const auto source = open_safetensors(golden("formats/safetensors/ok_all_dtypes.safetensors"));
  const auto copy = written(folder.path / "x.safetensors", plan_of(*source), *source, write_safetensors);
  for (const std::string& name : copy->names()) {
    const auto view = copy->find(name);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(view->bytes.data()) % size_of(view->dtype), 0u) << name;
  }
}

TEST(WriteWeights, GgufReadsBackBitEqual) {
  const TemporaryFolder folder;
  const auto source = open_safetensors(golden("models/sd15/vae/diffusion_pytorch_model.safetensors"));
  WeightsPlan plan = plan_of(*source);
  plan.metadata = {{"general.architecture", "sd1"}, {"modelspec.title", "toy"}};
  const auto copy = written(folder.path / "x.gguf", plan, *source, write_gguf);
  expect_equal(*copy, *source);
  EXPECT_EQ(copy->metadata(), plan.metadata);
}

TEST(WriteWeights, QuantisedBlocksAreThoseOfThePackageGguf) {
  const TemporaryFolder folder;
  const auto values = open_safetensors(golden("formats/gguf/all_types_dequantized.safetensors"));
  size_t compared = 0;
  for (const GgmlType& type : ggml_types()) {
    const std::string name = str("source.", type.name);
    const auto want = values->find(str("quantized.", type.name));
    if (!want) continue;
    SCOPED_TRACE(name);
    ++compared;
    const WeightsPlan plan{{{name, want->shape, {type.dtype.value_or(DType::f32), type.quantise ? &type : nullptr}}}, {}};
    const auto copy = written(folder.path / "x.gguf", plan, *values, write_gguf);
    EXPECT_EQ(to_f32(*copy->find(name)), to_f32(*want));
    const std::string all = read_text(golden("formats/gguf/all_types.gguf")), own = read_text(folder.path / "x.gguf");
    const std::string blocks = own.substr(own.size() - (plan.bytes() + 31) / 32 * 32, plan.bytes());
    EXPECT_NE(all.find(blocks), std::string::npos) << "the same values, in other bytes";
  }
  EXPECT_EQ(compared, 8u);
}

// Bits, scales and codes in their places: what is written reads back near the values, the nearer the more bits there are.
TEST(WriteWeights, QuantisationErrors) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.01f, 0.05f);
  std::vector<float> values(256 * 40), back(values.size());
  for (float& value : values) value = normal(random);
  const auto error_of = [&](const GgmlType& type) {
    std::vector<uint8_t> blocks(values.size() / type.block * type.bytes);
    type.quantise(values.data(), blocks.data(), values.size() / type.block);
    type.dequantise(blocks.data(), back.data(), values.size() / type.block);
    double off = 0, all = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      off += std::pow(values[i] - back[i], 2);
      all += std::pow(values[i], 2);
    }
    return std::sqrt(off / all);
  };
  const std::map<std::string_view, double> most = {{"Q2_K", 0.31},  {"Q3_K", 0.16},  {"Q4_0", 0.10},  {"Q4_1", 0.085}, {"Q4_K", 0.074}, {"Q5_0", 0.05},
                                                   {"Q5_1", 0.042}, {"Q5_K", 0.037}, {"Q6_K", 0.019}, {"Q8_0", 0.006}};
  size_t compared = 0;
  for (const GgmlType& type : ggml_types())
    if (type.quantise) {
      ASSERT_TRUE(most.contains(type.name)) << type.name;
      ++compared;
      EXPECT_LT(error_of(type), most.at(type.name)) << type.name;
      EXPECT_GT(error_of(type), most.at(type.name) * 0.5) << type.name << ": the bound says little";
    }
  EXPECT_EQ(compared, most.size());
  std::fill(values.begin(), values.end(), 0.25f);
  for (const GgmlType& type : ggml_types())
    if (type.quantise) {
      EXPECT_LT(error_of(type), 0.01) << type.name << ", all values the same";
    }
}

TEST(WriteWeights, DamagedNumbersQuantiseToSomething) {
  const float bad[256] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), 1e30f, -1e30f};
  uint8_t out[292];
  for (const GgmlType& type : ggml_types())
    if (type.quantise) type.quantise(bad, out, 1);
}

TEST(WriteWeights, RoundingIsPyTorchs) {
  const Arrays golden_values(golden("formats/small_floats/f32_rounding.safetensors"));
  const std::vector<float> x = golden_values["x"].values;
  for (const auto& [name, type] : {std::pair{"f16_back", DType::f16}, {"bf16_back", DType::bf16}, {"e4m3fn_back", DType::f8_e4m3}, {"e5m2_back", DType::f8_e5m2}}) {
    const std::vector<float> want = golden_values[name].values;
    std::vector<uint16_t> narrow(x.size());
    std::vector<float> back(x.size());
    narrow_from_f32(type, x.data(), narrow.data(), x.size());
    widen_to_f32(type, narrow.data(), back.data(), x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      if (std::isnan(want[i]))
        EXPECT_TRUE(std::isnan(back[i])) << name << " " << x[i];
      else
        EXPECT_EQ(std::bit_cast<uint32_t>(back[i]), std::bit_cast<uint32_t>(want[i])) << name << " " << x[i];
    }
  }
}

// Every code is the rounding of its own value.
TEST(WriteWeights, SmallFloatsComeBack) {
  for (int code = 0; code < 256; ++code) {
    const auto byte = static_cast<uint8_t>(code);
    const float e4m3 = f8_e4m3_to_f32(byte), e5m2 = f8_e5m2_to_f32(byte);
    EXPECT_TRUE(std::isnan(e4m3) || f32_to_f8_e4m3(e4m3) == byte) << code;
    EXPECT_TRUE(std::isnan(e5m2) || f32_to_f8_e5m2(e5m2) == byte) << code;
  }
  for (int code = 0; code < 65536; ++code) {
    const float x = f16_to_f32(static_cast<uint16_t>(code));
    ASSERT_TRUE(std::isnan(x) || f32_to_f16(x) == code) << code;
  }
}

TEST(WriteWeights, ShardsHoldTheWhole) {
  const TemporaryFolder folder;
  const auto source = open_safetensors(golden("models/sd15/vae/diffusion_pytorch_model.safetensors"));
  const WeightsPlan plan = plan_of(*source);
  EXPECT_EQ(sharded(plan, plan.bytes()).size(), 1u);
  const auto shards = sharded(plan, plan.bytes() / 3);
  EXPECT_GE(shards.size(), 3u);
  std::vector<std::string> files;
  for (size_t i = 0; i < shards.size(); ++i) {
    EXPECT_LE(shards[i].bytes(), plan.bytes() / 3);
    files.push_back(str("model-", i, ".safetensors"));
    written(folder.path / files.back(), shards[i], *source, write_safetensors);
  }
  const std::string index = shard_index(shards, files);
  write_file_atomically(folder.path / "model.safetensors.index.json", {reinterpret_cast<const uint8_t*>(index.data()), index.size()});
  expect_equal(*open_weights(folder.path / "model.safetensors.index.json"), *source);
}

TEST(WriteWeights, ErrorsLeaveNothing) {
  const TemporaryFolder folder;
  const auto source = std::make_shared<ZeroSource>(Shapes{{"a", {64, 64}}, {"b", {5}}});
  const auto fault = [&](const WeightsPlan& plan, auto write, const WroteBytes& wrote = ignore) -> std::string {
    try {
      AtomicFile file(folder.path / "x");
      write(file, plan, *source, wrote);
      file.commit();
    } catch (const Error& error) {
      EXPECT_TRUE(fs::is_empty(folder.path));
      return error.text;
    }
    return "no error";
  };
  EXPECT_NE(fault({{{"c", {1}, {}}}, {}}, write_safetensors).find("tensor c"), std::string::npos);
  EXPECT_NE(fault({{{"a", {64}, {}}}, {}}, write_safetensors).find("tensor a"), std::string::npos);
  EXPECT_NE(fault({{{"a", {64, 64}, {.dtype = DType::f8_e4m3}}}, {}}, write_gguf).find("f8_e4m3"), std::string::npos);
  EXPECT_NE(fault({{{"a", {64, 64}, {DType::f32, ggml_type(8)}}}, {}}, write_safetensors).find("Q8_0"), std::string::npos);
  EXPECT_EQ(fault(plan_of(*source), write_safetensors, [](uint64_t) { fail(ErrorKind::cancelled, "stop"); }), "stop");
}

}  // namespace
}  // namespace imagent::test
