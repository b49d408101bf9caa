// LoRAs in a run: pictures against diffusers (golden/adapters), on and off again, named by requests and prompts.
#include "base/error.h"
#include "image/codec.h"
#include "nn/layers.h"
#include "pipeline/adapted_part.h"
#include "pipeline/engine.h"
#include "reference/reference_backend.h"
#include "reference/values.h"
#include "support/devices.h"
#include "support/pictures.h"
#include "weights/open.h"

namespace imagent::test {
namespace {

std::filesystem::path adapter_path(const std::string& name) { return golden("adapters/" + name + ".safetensors"); }

Engine& engine() {
  static Engine engine({.device = "cpu", .threads = 0, .builtin_model = source_dir() / "models/demo", .lora_dir = golden("adapters")});
  return engine;
}

Request small_request(const std::string& model = "sd15") {
  Request r;
  r.prompt = "a red house in the garden";
  r.negative = "blurry";
  r.model = golden("models/" + model).string();
  r.width = r.height = 64;
  r.steps = 2;
  r.guidance_scale = 5;
  r.seed = 7;
  r.sampler = "ddim";
  r.dtype = DType::f32;
  return r;
}

LoraRequest by_name(const std::string& name, double weight = 1) { return {name, weight, weight, {}}; }

template <class Call>
Error refusal(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorKind::internal, "nothing was refused"};
}

TEST(LoraPictures, AgreeWithDiffusers) {
  int ran = 0;
  for (const auto& entry : std::filesystem::directory_iterator(golden("adapters"))) {
    const std::string file = entry.path().filename().string();
    const size_t end = file.find(".case.json");
    if (end == std::string::npos) continue;
    SCOPED_TRACE(file);
    const std::string stem = golden("adapters/" + file.substr(0, end)).string();
    const nlohmann::json c = read_json(entry.path());
    Request r = small_request(std::filesystem::path(c["model"].get<std::string>()).filename().string());
    r.prompt = c["prompt"];
    r.negative = c["negative_prompt"].get<std::string>();
    r.steps = c["num_inference_steps"];
    r.seed = c["seed"];
    r.guidance_scale = c["guidance_scale"].get<float>();
    r.compat = Compat::diffusers;
    for (const auto& lora : c["loras"]) r.loras.push_back(by_name(golden("adapters/" + lora["file"].get<std::string>()).string(), lora["scale"]));
    const auto run = engine().generate(r);
    EXPECT_LE(max_abs_difference(run.results[0].latents, Arrays(stem + ".latents.safetensors")["final_latents"].values), 1e-3);
    const PictureDifference d = difference(run.results[0].image, read_image(stem + ".png"));
    EXPECT_LE(d.largest, 3);
    EXPECT_LE(d.mean, 0.25);
    EXPECT_GE(d.psnr, 50);
    ++ran;
  }
  EXPECT_EQ(ran, 7);
}

// One engine goes through requests with and without LoRAs; another one starts with each of them.
TEST(LoraRuns, LeaveNothingBehindForTheNextRequest) {
  Request plain = small_request();
  Request one = plain, two = plain;
  one.loras = {by_name("kohya", 0.6)};
  two.loras = {by_name("full_diff"), by_name("norm_diff", -0.5), by_name("kohya")};
  std::map<Request*, Image> fresh;
  for (Request* request : {&plain, &one, &two}) {
    Engine other({.device = "cpu", .threads = 0, .builtin_model = source_dir() / "models/demo", .lora_dir = golden("adapters")});
    fresh[request] = other.generate(*request).results[0].image;
  }
  EXPECT_FALSE(fresh[&plain] == fresh[&one]);
  EXPECT_FALSE(fresh[&two] == fresh[&one]);
  for (Request* request : {&plain, &one, &plain, &two, &one, &one, &plain})
    EXPECT_EQ(engine().generate(*request).results[0].image, fresh[request]);
}

TEST(LoraRuns, OfTheSameSetKeepWhatIsPacked) {
  std::vector<std::string> lines;
  Events events;
  events.detail = [&](const std::string& line) {
    if (line.starts_with("lora")) lines.push_back(line);
  };
  Request r = small_request();
  engine().generate(r);
  r.loras = {by_name("kohya"), by_name("kohya_second")};
  engine().generate(r, events);
  EXPECT_EQ(lines, (std::vector<std::string>{"lora kohya: 150 of 150 applied", "lora kohya_second: 88 of 88 applied", "loras: 150 modules packed again, 0 kept"}));
  lines.clear();
  engine().generate(r, events);
  EXPECT_EQ(lines.back(), "loras: 0 modules packed again, 150 kept");
  r.loras[0].text_encoder = 0.5;  // the UNet's stay
  engine().generate(r, events);
  EXPECT_EQ(lines.back(), "loras: 18 modules packed again, 132 kept");
  r.loras.pop_back();
  engine().generate(r, events);
  EXPECT_EQ(lines.back(), "loras: 88 modules packed again, 62 kept");
}

TEST(LoraRuns, TakeNamesFromThePrompt) {
  Request flag = small_request(), tag = flag;
  flag.loras = {{"kohya", 0.25, 0.5, {}}};
  tag.prompt += "<lora:kohya:0.25:0.5>";
  const auto by_flag = engine().generate(flag);
  const auto by_tag = engine().generate(tag);
  EXPECT_EQ(by_tag.results[0].image, by_flag.results[0].image);
  EXPECT_NE(by_tag.results[0].infotext.find("a red house in the garden<lora:kohya:0.25:0.5>\n"), std::string::npos);
  EXPECT_NE(by_tag.results[0].infotext.find(", Lora hashes: \"kohya: 9e6f6a1605ae\", "), std::string::npos) << by_tag.results[0].infotext;

  tag.prompt = "a red house in the garden<lyco:kohya:0.25:0.5>";
  EXPECT_EQ(engine().generate(tag).results[0].image, by_flag.results[0].image);
  tag.prompt = "a red house in the garden";
  tag.negative = "blurry<lora:kohya:1>";  // words there
  EXPECT_TRUE(engine().generate(tag).lora_hashes.empty());
  tag.negative = "blurry";
  tag.prompt += "<lora:kohya:1>";
  tag.compat = Compat::diffusers;  // plain text
  EXPECT_TRUE(engine().generate(tag).lora_hashes.empty());
}

TEST(LoraRuns, RefuseNamesThatAreNotInTheFolder) {
  const std::string absolute = adapter_path("kohya").string();
  for (const std::string& name : {absolute, std::string("../adapters/kohya"), std::string("./kohya"), std::string("koya")}) {
    Request r = small_request();
    r.prompt += "<lora:" + name + ":1>";
    const Error error = refusal([&] { engine().generate(r); });
    EXPECT_EQ(error.kind, ErrorKind::usage);
    EXPECT_NE(error.text.find("there is no LoRA"), std::string::npos) << error.text;
  }
  Request r = small_request();
  r.loras = {by_name(absolute)};
  Engine closed({.device = "cpu", .threads = 0, .builtin_model = source_dir() / "models/demo", .lora_dir = golden("adapters"), .lora_paths = false});
  EXPECT_EQ(refusal([&] { closed.generate(r); }).kind, ErrorKind::usage);
  r.loras = {by_name("koya")};
  EXPECT_NE(refusal([&] { closed.generate(r); }).text.find("did you mean kohya?"), std::string::npos);
}

TEST(LoraRuns, RefuseFilesThatDoNotFit) {
  Request r = small_request();
  r.loras = {by_name("partial_unknown_module")};
  EXPECT_NE(refusal([&] { engine().generate(r); }).text.find("3 of 4 modules fit sd15"), std::string::npos);
  std::string note;
  Events events;
  events.note = [&](const std::string& line) { note = line; };
  r.lora_lenient = true;
  const auto lenient = engine().generate(r, events);
  EXPECT_EQ(note, "lora partial_unknown_module: 3 of 4 applied; no place in sd15 for lora_unet_down_blocks_9_attentions_0_proj_in");
  EXPECT_FALSE(lenient.results[0].image == engine().generate(small_request()).results[0].image);
  r.loras = {by_name("bad_missing_up")};
  EXPECT_EQ(refusal([&] { engine().generate(r); }).kind, ErrorKind::model);
}

// A model's layers of every kind, without the model: what they hold is read back through the reference backend.
struct AdaptedLayers : testing::Test {
  AdaptedLayers()
      : base(open_weights(golden("models/sd15/unet/diffusion_pytorch_model.safetensors"))),
        part("unet", base),
        scope(base, device, DType::f32),
        query(scope / "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"),
        feed_forward(scope / "down_blocks.1.attentions.0.transformer_blocks.0.ff.net.2"),
        conv(scope / "down_blocks.0.resnets.0.conv1"),
        norm(scope / "down_blocks.0.resnets.0.norm1", 8, 1e-5f) {
    part.built(scope);
  }
  std::vector<float> held() const {
    std::vector<float> all;
    for (const Packed* packed : {&query.packed, &feed_forward.packed, &conv.packed}) {
      const auto& weight = static_cast<const ReferenceWeight&>(*packed->data);
      all.insert(all.end(), weight.weight.begin(), weight.weight.end());
      all.insert(all.end(), weight.bias.begin(), weight.bias.end());
    }
    for (const Tensor* vector : {&norm.params.gamma, &norm.params.beta}) {
      const std::vector<float> values = download(*vector);
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }
  LoraUse use(const std::string& name, float multiplier) const { return {open_lora(adapter_path(name)), {multiplier, 0}}; }

  ReferenceBackend device;
  std::shared_ptr<const Source> base;
  AdaptedPart part;
  Weights scope;
  Linear query, feed_forward;
  Conv2d conv;
  GroupNorm norm;
};

TEST_F(AdaptedLayers, AreBitEqualAfterAHundredChanges) {
  const std::vector<float> before = held();
  const std::vector<LoraUse> first = {use("dora", 0.7f), use("full_diff", 1), use("norm_diff", 1)}, second = {use("kohya", -1), use("ia3", 0.5f)};
  part.change_to(first, {});
  const std::vector<float> with_first = held();
  for (int i = 0; i < 100; ++i) {
    part.change_to(second, {});
    EXPECT_NE(held(), with_first);
    part.change_to(first, {});
    ASSERT_EQ(held(), with_first);
    part.change_to({}, {});
    ASSERT_EQ(held(), before);
    part.change_to(first, {});
  }
  for (size_t i = 0, same = 0; i < before.size(); ++i) {
    same += before[i] == with_first[i];
    ASSERT_LT(same, before.size() / 20);  // weights, biases and norms all change
  }
}

TEST_F(AdaptedLayers, CanBePutRightAfterAnInterruption) {
  const std::vector<float> before = held();
  const std::vector<LoraUse> uses = {use("full_diff", 1)};
  part.change_to(uses, {});
  const std::vector<float> complete = held();
  part.change_to({}, {});
  for (int stop = 0; stop < 3; ++stop) {
    int modules = 0;
    const auto interrupt = [&] { check(modules++ < stop, ErrorKind::cancelled, "cancelled"); };
    EXPECT_EQ(refusal([&] { part.change_to(uses, interrupt); }).kind, ErrorKind::cancelled);
    part.change_to(uses, {});
    EXPECT_EQ(held(), complete);
    EXPECT_EQ(refusal([&] { modules = 0, part.change_to({}, interrupt); }).kind, ErrorKind::cancelled);
    part.change_to({}, {});
    EXPECT_EQ(held(), before);
  }
}

}  // namespace
}  // namespace imagent::test
