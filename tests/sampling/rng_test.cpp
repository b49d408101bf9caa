// Random numbers against PyTorch, numpy, torchsde and the A1111 web UI (golden/rng).
#include <gtest/gtest.h>

#include <cmath>

#include "sampling/brownian.h"
#include "sampling/image_noise.h"
#include "sampling/rng.h"
#include "sampling/seed_sequence.h"
#include "support/golden.h"

namespace imagent::test {

static uint64_t seed_of(const nlohmann::json& value) {
  return value.is_number_unsigned() ? value.get<uint64_t>() : static_cast<uint64_t>(value.get<int64_t>());
}

static const nlohmann::json& cases() {
  static const nlohmann::json all = read_json(golden("rng/cases.json"));
  return all;
}

static void run_op(TorchCpuGenerator& generator, const nlohmann::json& c, const Arrays& arrays) {
  const std::string op = c["op"], tensor = c["tensor"];
  SCOPED_TRACE(tensor);
  if (op == "randint") {
    const int64_t low = c.value("low", int64_t{0}), high = c.value("high", int64_t{1000});
    for (const double want : arrays.f64(tensor)) EXPECT_EQ(static_cast<double>(generator.integer(low, high)), want);
    return;
  }
  const Array want = arrays[tensor];
  if (c["dtype"] == "float64") {
    const std::vector<double> exact = arrays.f64(tensor);
    std::vector<double> got(exact.size());
    op == "rand" ? generator.uniform(got) : generator.normal(got);
    EXPECT_EQ(got, exact);
    return;
  }
  std::vector<float> got(want.values.size());
  if (c["dtype"] == "float16" || c["dtype"] == "bfloat16") {  // 1 unit in the last place
    const DType half = c["dtype"] == "float16" ? DType::f16 : DType::bf16;
    generator.normal_half(got);
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_NEAR(got[i], want.values[i], std::max(1e-4, std::abs(want.values[i]) * (half == DType::f16 ? 0x1p-10 : 0x1p-7)));
    return;
  }
  if (op == "rand")
    generator.uniform(got);
  else
    generator.normal(got);
  EXPECT_LE(max_abs_difference(got, want.values), op == "rand" ? 0.0 : 4e-6);
}

TEST(Rng, EqualsTorchCpuGenerator) {
  const Arrays arrays(golden("rng/cpu_generator.safetensors"));
  int checked = 0;
  for (const auto& c : cases()["cpu_generator"]) {
    if (c.contains("sequence")) continue;
    TorchCpuGenerator generator(seed_of(c["seed"]));
    run_op(generator, c, arrays);
    ++checked;
  }
  EXPECT_GT(checked, 150);
}

TEST(Rng, DrawsContinueAsInTorch) {
  const Arrays arrays(golden("rng/cpu_generator.safetensors"));
  std::unique_ptr<TorchCpuGenerator> generator;
  int checked = 0;
  for (const auto& c : cases()["cpu_generator"]) {
    if (!c.contains("sequence")) continue;
    if (c["index"] == 0) generator = std::make_unique<TorchCpuGenerator>(seed_of(c["seed"]));
    run_op(*generator, c, arrays);
    ++checked;
  }
  EXPECT_GT(checked, 30);
}

TEST(Rng, RandnTensorOfDiffusers) {
  const Arrays arrays(golden("rng/randn_tensor.safetensors"));
  const auto expect = [&](const std::string& name, const std::vector<uint64_t>& seeds) {
    SCOPED_TRACE(name);
    const Array want = arrays[name];
    std::vector<float> got(want.values.size());
    const size_t each = got.size() / seeds.size();
    for (size_t i = 0; i < seeds.size(); ++i)
      make_generator(GeneratorKind::cpu, seeds[i])->normal(std::span(got).subspan(i * each, each));
    EXPECT_LE(max_abs_difference(got, want.values), 4e-6);
  };
  expect("list_of_generators_0_1_2", {0, 1, 2});
  expect("single_generator_0", {0});
  expect("batch1_generator_0", {0});
  expect("list_of_one_generator_0", {0});
  expect("small_list_0_1", {0, 1});
  expect("small_single_0", {0});
  TorchCpuGenerator seven(7), eight(8);
  for (int draw = 0; draw < 3; ++draw) {
    const Array want = arrays["list_7_8.draw" + std::to_string(draw)];
    std::vector<float> got(want.values.size());
    seven.normal(std::span(got).first(got.size() / 2));
    eight.normal(std::span(got).last(got.size() / 2));
    EXPECT_LE(max_abs_difference(got, want.values), 4e-6);
  }
}

TEST(Rng, EqualsPhiloxOfTheWebui) {
  const Arrays arrays(golden("rng/philox.safetensors"));
  std::unique_ptr<Generator> generator;
  for (const auto& c : cases()["philox"]) {
    const std::string tensor = c["tensor"];
    SCOPED_TRACE(tensor);
    if (c["draw"] == 0) generator = make_generator(GeneratorKind::cuda, seed_of(c["seed"]));
    const Array want = arrays[tensor];
    std::vector<float> got(want.values.size());
    generator->normal(got);
    EXPECT_LE(max_abs_difference(got, want.values), 1e-6);
  }
}

TEST(Rng, ImageNoiseOfTheWebui) {
  const Arrays arrays(golden("rng/image_rng.safetensors"));
  std::vector<ImageNoise> images;
  for (const auto& c : cases()["image_rng"]) {
    const std::string tensor = c["tensor"];
    SCOPED_TRACE(tensor);
    const int channels = c["shape"][0], height = c["shape"][1], width = c["shape"][2];
    const bool first = c["call"] == 0;
    if (first) images.clear();
    const Array want = arrays[tensor];
    std::vector<float> got;
    for (size_t i = 0; i < c["seeds"].size(); ++i) {
      if (first)
        images.emplace_back(
            ImageNoiseOptions{
                .kind = c["randn_source"] == "NV" ? GeneratorKind::cuda : GeneratorKind::cpu,
                .seed = c["seeds"][i],
                .variation_seed = c.contains("subseeds") ? c["subseeds"][i].get<uint64_t>() : 0,
                .variation_strength = c.value("subseed_strength", 0.0),
                .resize_from_height = c.value("seed_resize_from_h", 0),
                .resize_from_width = c.value("seed_resize_from_w", 0),
                .seed_delta = c["eta_noise_seed_delta"],
            },
            channels, height, width);
      const Latents noise = first ? images[i].initial() : draw_noise(images[i], channels, height, width);
      got.insert(got.end(), noise.values.begin(), noise.values.end());
    }
    EXPECT_LE(max_abs_difference(got, want.values), 4e-6);
  }
}

TEST(Rng, SeedSequenceOfNumpy) {
  for (const auto& c : cases()["seed_sequence"]) {
    const auto key = c["spawn_key"].is_null() ? std::vector<uint64_t>() : c["spawn_key"].get<std::vector<uint64_t>>();
    const auto want = c["words"].get<std::vector<uint32_t>>();
    EXPECT_EQ(seed_words(seed_of(c["entropy"]), key, c["pool_size"], want.size()), want) << c.dump();
  }
}

TEST(Rng, BrownianTreeOfTorchsde) {
  const Arrays arrays(golden("rng/brownian.safetensors"));
  for (const auto& c : cases()["brownian"]) {
    const std::string tensor = c["tensor"];
    SCOPED_TRACE(tensor);
    const Array want = arrays[tensor];
    const bool raw = c.contains("raw");
    const BrownianTree tree(raw ? c["t0"] : c["sigma_min"], raw ? c["t1"] : c["sigma_max"], seed_of(c["seed"]),
                            want.values.size());
    const auto got = raw ? tree.increment(c["ta"], c["tb"]) : tree.noise(c["sigma"], c["sigma_next"]);
    EXPECT_LE(max_abs_difference(got, want.values), 1e-5);
  }
}

}  // namespace imagent::test
