// Adapters against merged weights that were computed in float64 (golden/adapters), and files that have to be refused.
#include <cmath>
#include <limits>
#include <list>

#include "base/error.h"
#include "support/golden.h"
#include "support/write_safetensors.h"
#include "support/zero_source.h"
#include "weights/names_ldm.h"
#include "weights/open.h"
#include "weights/with_lora.h"

namespace imagent::test {
namespace {

const std::vector<std::string> parts = {"unet", "text_encoder", "text_encoder_2"};

std::shared_ptr<const Source> base_of(const std::string& model, const std::string& part) {
  for (const char* name : {"diffusion_pytorch_model.safetensors", "model.safetensors"})
    if (const auto path = golden("models/" + model + "/" + part + "/" + name); std::filesystem::exists(path)) return open_weights(path);
  return nullptr;
}

std::shared_ptr<const LoraFile> adapter(const std::string& name) { return open_lora(golden("adapters/" + name + ".safetensors")); }

LoraCoverage coverage_of(const LoraFile& file, const std::string& model) {
  std::vector<LoraTargets> targets;
  for (const std::string& part : parts)
    if (const auto base = base_of(model, part)) targets.push_back(lora_targets(file, part, *base));
  std::vector<const LoraTargets*> pointers;
  for (const LoraTargets& target : targets) pointers.push_back(&target);
  return lora_coverage(file, pointers);
}

// "case/part.tensor@multiplier"
struct ExpectedName {
  std::string adapter, part, tensor;
  float multiplier;

  explicit ExpectedName(const std::string& key) {
    const size_t slash = key.find('/'), dot = key.find('.', slash), at = key.rfind('@');
    adapter = key.substr(0, slash);
    part = key.substr(slash + 1, dot - slash - 1);
    tensor = key.substr(dot + 1, at - dot - 1);
    multiplier = std::stof(key.substr(at + 1));
  }
};

TEST(Lora, MergesEveryKindAsComputedInFloat64) {
  const Arrays expected(golden("adapters/expected.safetensors"));
  const auto cases = read_json(golden("adapters/cases.json"));
  size_t compared = 0;
  for (const std::string& key : expected.names()) {
    SCOPED_TRACE(key);
    const ExpectedName name(key);
    const auto base = base_of(cases[name.adapter]["model"], name.part);
    const auto merged = with_lora(base, name.part, {{adapter(name.adapter), {name.multiplier, 0}}}, MergedType::f32);
    const auto view = merged->find(name.tensor);
    ASSERT_TRUE(view);
    ASSERT_EQ(view->dtype, DType::f32);
    const std::vector<float> values = to_f32(*view), wanted = expected[key].values;
    const size_t stride = std::max<size_t>(1, values.size() / 600) | 1;
    ASSERT_EQ(wanted.size(), (values.size() + stride - 1) / stride);
    double largest = 0, difference = 0;
    for (size_t i = 0; i < wanted.size(); ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(wanted[i])));
      difference = std::max(difference, std::abs(static_cast<double>(wanted[i]) - values[i * stride]));
    }
    EXPECT_LE(difference, 2e-6 * largest);
    ++compared;
  }
  EXPECT_EQ(compared, 150u);
}

TEST(Lora, FitsItsModelCompletely) {
  const auto cases = read_json(golden("adapters/cases.json"));
  size_t files = 0;
  for (const auto& [name, c] : cases.items()) {
    if (!c.contains("modules")) continue;
    SCOPED_TRACE(name);
    const LoraCoverage coverage = coverage_of(*adapter(name), c["model"]);
    EXPECT_EQ(coverage.modules, c["modules"].get<size_t>());
    EXPECT_EQ(coverage.applied, coverage.modules);
    ++files;
  }
  EXPECT_EQ(files, 20u);
}

template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::model);
    return error.text;
  }
  return "nothing was refused";
}

TEST(Lora, NamesWhatDoesNotFit) {
  const auto unknown = adapter("partial_unknown_module");
  const LoraCoverage coverage = coverage_of(*unknown, "sd15");
  EXPECT_EQ(coverage.applied, 3u);
  EXPECT_EQ(coverage.modules, 4u);
  const std::string text = refusal([&] { require_complete(coverage, *unknown, "sd15"); });
  EXPECT_NE(text.find("3 of 4 modules fit sd15; no place for lora_unet_down_blocks_9_attentions_0_proj_in"), std::string::npos) << text;

  const auto shape = adapter("bad_shape");
  const std::string why = refusal([&] { require_complete(coverage_of(*shape, "sd15"), *shape, "sd15"); });
  EXPECT_NE(why.find("attn1_to_q (changes [32,48], the layer is [32,32])"), std::string::npos) << why;

  const auto sdxl = adapter("sdxl_kohya");
  const std::string family = refusal([&] { require_complete(coverage_of(*sdxl, "sd15"), *sdxl, "sd15"); });
  EXPECT_NE(family.find("it is made for another kind of model"), std::string::npos) << family;
}

TEST(Lora, RefusesHalfAPair) {
  EXPECT_NE(refusal([] { adapter("bad_missing_up"); }).find("attn1_to_q.up is missing"), std::string::npos);
}

// The file that diffusers wrote first, and PEFT's own saving.
TEST(Lora, KnowsEveryNamingOfOneLayer) {
  const auto base = base_of("sd15", "unet");
  const auto table = lora_targets(*adapter("no_alpha_mixed_ranks"), "unet", *base).weights;
  EXPECT_TRUE(table.contains("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"));
  const std::vector<float> ones(32, 1.0f);
  const TensorView column{DType::f32, {32, 1}, std::as_bytes(std::span(ones)), nullptr}, row{DType::f32, {1, 32}, std::as_bytes(std::span(ones)), nullptr};
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "lora_naming.safetensors";
  for (const auto& [down, up] : std::vector<std::pair<std::string, std::string>>{
           {"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0.lora_down.weight", "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0.lora_up.weight"},
           {"lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_out_0.lora_down.weight", "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_out_0.lora_up.weight"},
           {"diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_out.0.lora_A.weight", "diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_out.0.lora_B.weight"},
           {"base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.lora_A.default.weight", "base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.lora_B.default.weight"},
           {"down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.down.weight", "down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.up.weight"},
           {"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.lora_linear_layer.down.weight", "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.lora_linear_layer.up.weight"}}) {
    write_safetensors(path, {{down, row}, {up, column}});
    const auto file = open_lora(path);
    const LoraTargets targets = lora_targets(*file, "unet", *base);
    ASSERT_EQ(targets.weights.size(), 1u) << down;
    EXPECT_EQ(targets.weights.begin()->first, "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.weight");
  }
}

// A module's tensors as a file, and what opening it says.
class LoraRefusals : public testing::Test {
 protected:
  void add(const std::string& name, Shape shape, float value = 1) {
    values_.push_back(std::vector<float>(static_cast<size_t>(shape.numel()), value));
    tensors_[name] = {DType::f32, shape, std::as_bytes(std::span(values_.back())), nullptr};
  }
  std::string open() {
    const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "lora_refusal.safetensors";
    write_safetensors(path, tensors_);
    tensors_.clear();
    return refusal([&] { file_ = open_lora(path); });
  }
  std::list<std::vector<float>> values_;
  std::map<std::string, TensorView> tensors_;
  std::shared_ptr<const LoraFile> file_;
};

TEST_F(LoraRefusals, NameTheTensor) {
  const auto refused = [&](const std::string& wanted) {
    const std::string text = open();
    EXPECT_NE(text.find(wanted), std::string::npos) << text;
  };
  add("m.lora_up.weight", {8, 4}), add("m.lora_down.weight", {3, 8});
  refused("m.up is [8,4], which does not fit lora_down [3,8]");
  add("m.lora_up.weight", {8, 4}), add("m.lora_down.weight", {4, 8}), add("m.alpha", {}, std::numeric_limits<float>::quiet_NaN());
  refused("m.alpha is no finite number");
  add("m.lora_up.weight", {8, 4}), add("m.lora_down.weight", {4, 8}), add("m.alpha", {2});
  refused("m.alpha should be one value");
  add("m.lora_up.weight", {1, 5000}), add("m.lora_down.weight", {5000, 1});
  refused("m.down has rank 5000, more than the layer's own sides");
  add("m.lora_up.weight", {8, 4}), add("m.lora_down.weight", {4, 8}), add("m.diff", {8, 8});
  refused("m is changed in two ways at once");
  add("m.lora_up.weight", {0, 4}), add("m.lora_down.weight", {4, 8});
  refused("m.up is empty");
  add("m.lora_up.weight", {8}), add("m.lora_down.weight", {4, 8});
  refused("m.up should be a matrix");
  add("m.hada_w1_a", {8, 4}), add("m.hada_w1_b", {4, 8}), add("m.hada_w2_a", {8, 4});
  refused("m.hada_w2_b is missing");
  add("m.hada_w1_a", {8, 4}), add("m.hada_w1_b", {4, 8}), add("m.hada_w2_a", {8, 4}), add("m.hada_w2_b", {4, 9});
  refused("do not make changes of the same shape");
  add("m.lokr_w1", {2, 2}), add("m.lokr_w2_a", {4, 2}), add("m.lokr_w2_b", {3, 4});
  refused("m.lokr_w2_b does not fit its other half");
  add("m.lokr_w1", {2, 2}), add("m.lokr_t2", {2, 3, 3, 3}), add("m.lokr_w2_a", {2, 4}), add("m.lokr_w2_b", {2, 4});
  refused("m.lokr_t2 is [2,3,3,3], which does not join factors of rank 2 and 2");
  add("m.alpha", {});
  refused("m.alpha lacks the tensors of the change");
  add("m.weight", {8});
  refused("m.on_input is missing");
  add("m.oft_blocks", {4, 2, 2});
  refused("tensor m.oft_blocks belongs to no kind of adapter that is known");
}

TEST_F(LoraRefusals, NameAModuleThatGivesNoNumbers) {
  const std::string module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
  add(module + ".lora_up.weight", {32, 1}, std::numeric_limits<float>::infinity()), add(module + ".lora_down.weight", {1, 32});
  EXPECT_EQ(open(), "nothing was refused");
  const auto merged = with_lora(base_of("sd15", "unet"), "unet", {{file_, {}}});
  const std::string tensor = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight";
  EXPECT_NE(refusal([&] { merged->find(tensor); }).find(module + " gives " + tensor + " values that are not finite numbers"), std::string::npos);
}

TEST_F(LoraRefusals, DoNotTakeTwoModulesForOneLayer) {
  add("unet.conv_in.diff", {32, 4, 3, 3}), add("lora_unet_input_blocks_0_0.diff", {32, 4, 3, 3});
  EXPECT_EQ(open(), "nothing was refused");
  EXPECT_NE(refusal([&] { lora_targets(*file_, "unet", *base_of("sd15", "unet")); }).find("changes a layer that another of its modules changes too"), std::string::npos);
}

// A weight in 16 bits comes back in 16 bits, once rounded; an untouched one is the file's own memory.
TEST(WithLora, KeepsTheBasesType) {
  const auto base = base_of("sd15", "unet");  // f16
  const std::string tensor = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight";
  const std::vector<LoraUse> uses = {{adapter("kohya"), {0.5f, 0}}, {adapter("kohya_second"), {-0.5f, 0}}};
  const auto exact = with_lora(base, "unet", uses, MergedType::f32)->find(tensor);
  const auto rounded = with_lora(base, "unet", uses)->find(tensor);
  ASSERT_EQ(exact->dtype, DType::f32);
  ASSERT_EQ(rounded->dtype, DType::f16);
  std::vector<float> narrow = to_f32(*exact);
  for (float& value : narrow) value = f16_to_f32(f32_to_f16(value));
  EXPECT_EQ(narrow, to_f32(*rounded));
  EXPECT_NE(to_f32(*rounded), to_f32(*base->find(tensor)));
  EXPECT_EQ(with_lora(base, "unet", uses)->find("conv_in.weight")->bytes.data(), base->find("conv_in.weight")->bytes.data());
}

// Both ways between the namings, for the real UNets.
TEST(LdmNames, GiveModulesBackTheirOriginalNames) {
  for (const char* model : {"sd15", "sd21", "sdxl-base", "sdxl-refiner"}) {
    SCOPED_TRACE(model);
    const auto file = std::make_shared<ZeroSource>(shapes_of(read_json(golden(std::string("manifests/") + model + ".json"))["single_file"]));
    const TensorTable table = ldm_parts(file->names())["unet"];
    std::vector<std::string> own;
    std::map<std::string, std::string> wanted;
    const auto module = [](const std::string& tensor) { return tensor.substr(0, tensor.rfind('.')); };
    for (const auto& [name, stored] : table) {
      own.push_back(name);
      wanted[module(name)] = module(stored.name).substr(std::string("model.diffusion_model.").size());
    }
    EXPECT_EQ(ldm_unet_modules(own), wanted);
  }
}

}  // namespace
}  // namespace imagent::test
