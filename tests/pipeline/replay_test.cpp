// A picture's text gives back the request that drew it.
#include <gtest/gtest.h>

#include "base/version.h"
#include "pipeline/describe.h"
#include "pipeline/replay.h"
#include "pipeline/request_fields.h"

namespace imagent::test {
namespace {

// As generate() leaves it: everything filled in.
Run run_of(const Request& request) {
  Run run;
  run.request = request;
  run.sampler = "dpmpp_2m";
  run.scheduler = "karras";
  run.model_name = "some model, with: odd \"signs\"";
  run.device = "cpu avx2";
  run.results.emplace_back();
  run.results[0].seed = request.seed;
  return run;
}

Request filled() {
  Request r;
  r.prompt = "a (red:1.2) house\nby the sea, \"quoted\"";
  r.width = 640;
  r.height = 448;
  r.steps = 7;
  r.guidance_scale = 1.0f / 3;
  r.seed = 4294967300;
  r.dtype = DType::bf16;
  return r;
}

std::string texts(const Request& request) {
  std::string all;
  for (const Field<Request>& field : request_fields())
    if (field.info.recorded) all += field.info.name + "=" + field.rule.get(request) + "\n";
  return all;
}

Request replayed(const Request& request) {
  const Replay replay = read_replay(describe(run_of(request), 0), "picture");
  EXPECT_TRUE(replay.own());
  Request read;
  apply(read, request_fields(), replay.given);
  return read;
}

TEST(Replay, EveryRecordedFieldComesBack) {
  Request r = filled();
  EXPECT_EQ(texts(replayed(r)), texts(r));
  EXPECT_FALSE(replayed(r).negative.has_value());

  r.negative = "";
  EXPECT_EQ(replayed(r).negative, "");
  r.negative = "blurry";
  r.prompt_2 = "{\"a\": 1}";
  r.negative_2 = "x: y, z";
  r.sampler = "dpmpp_2m_sde";
  r.scheduler = "karras";
  r.eta = 0.1f;
  r.guidance_rescale = 0.7f;
  r.clip_skip = 2;
  r.compat = Compat::diffusers;
  r.rng = GeneratorKind::cuda;
  r.original_size = Size{512, 768};
  r.crop = Offset{3, 4};
  r.prediction = "v_prediction";
  r.refiner_switch = 0.65f;
  r.refiner = "folder/fine";
  EXPECT_EQ(texts(replayed(r)), texts(r));
  EXPECT_EQ(replayed(r).refiner, "fine");
  EXPECT_EQ(replayed(r).model, run_of(r).model_name);
}

TEST(Replay, WebUiTextIsDrawnByItsRules) {
  const Replay replay = read_replay("a cat\nNegative prompt: blurry\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 42, "
                                    "Size: 512x768, Model hash: 6ce0161689, Model: v1-5, Clip skip: 2, Version: v1.10.1", "x.png");
  EXPECT_FALSE(replay.own());
  EXPECT_EQ(replay.model_hash, "6ce0161689");
  Request r;
  apply(r, request_fields(), replay.given);
  EXPECT_EQ(r.prompt, "a cat");
  EXPECT_EQ(r.negative, "blurry");
  EXPECT_EQ(r.sampler, "DPM++ 2M");
  EXPECT_EQ(r.scheduler, "Karras");
  EXPECT_EQ(r.width, 512);
  EXPECT_EQ(r.height, 768);
  EXPECT_EQ(r.clip_skip, 2);
  EXPECT_EQ(r.model, "v1-5");
  EXPECT_EQ(r.compat, Compat::a1111);
  EXPECT_EQ(r.rng, GeneratorKind::cuda);
  imagent::Run run = run_of(r);
  run.model_hash = "0000000000";
  const auto all = differences(replay, run);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_NE(all[0].find("6ce0161689"), std::string::npos);
}

// Files and pictures that a picture was made of are known by their hashes.
TEST(Replay, OtherIngredientsAreTold) {
  Request r = filled();
  r.vae = "folder/fine.safetensors";
  r.init_image = std::make_shared<Image>(8, 8, 3);
  r.mask = std::make_shared<Image>(8, 8, 1);
  r.strength = 0.5;
  imagent::Run run = run_of(r);
  run.vae_hash = "1111111111";
  run.init_image_hash = "aa";
  run.mask_hash = "bb";
  const std::string text = describe(run, 0);
  EXPECT_NE(text.find(", VAE hash: 1111111111, VAE: fine.safetensors, "), std::string::npos) << text;
  EXPECT_NE(text.find(", Init image hash: aa, Mask hash: bb, "), std::string::npos) << text;
  const Replay replay = read_replay(text, "picture");
  EXPECT_TRUE(differences(replay, run).empty());
  imagent::Run other = run;
  other.vae_hash = "2222222222";
  other.init_image_hash = "cc";
  other.mask_hash = "dd";
  const auto all = differences(replay, other);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_NE(all[0].find("the VAE is another one: its hash is 2222222222, the picture's 1111111111"), std::string::npos) << all[0];
  EXPECT_NE(all[1].find("the picture to start from"), std::string::npos);
  EXPECT_NE(all[2].find("the mask"), std::string::npos);
  other = run;
  other.request.vae = "";
  other.request.mask = nullptr;
  other.vae_hash = other.mask_hash = "";
  EXPECT_EQ(differences(replay, other).size(), 2u);
  const Replay own_vae = read_replay(describe(run_of(filled()), 0), "picture");
  EXPECT_EQ(differences(own_vae, run).size(), 1u);
}

TEST(Replay, HiresSizesOfTheWebUi) {
  const Replay replay = read_replay("a cat\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 42, Size: 512x512, Model: v1-5, Denoising strength: 0.4, "
                                    "Hires resize: 1024x0, Hires upscaler: Latent, Version: v1.10.1", "x.png");
  Request r;
  apply(r, request_fields(), replay.given);
  EXPECT_EQ(r.hires_width, 1024);
  EXPECT_EQ(r.hires_height, 0);
  EXPECT_DOUBLE_EQ(r.hires_strength, 0.4);
  EXPECT_FALSE(r.strength);
}

TEST(Replay, BadTextsAreUsageErrors) {
  EXPECT_THROW(read_replay("", "x.png"), Error);
  EXPECT_THROW(read_replay("only a prompt", "x.png"), Error);
  EXPECT_THROW(read_replay(str("x\nSteps: 2, Seed: 1, Size: 64x64, imagent: [1], Version: imagent ", version), "x.png"), Error);
  const Replay wild = read_replay("x\nSteps: 99999999, Seed: 1, Size: 64x64, Version: imagent 9", "x.png");
  Request r;
  try {
    apply(r, request_fields(), wild.given);
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.text.starts_with("x.png: Steps \"99999999\": should be ")) << error.text;
  }
  EXPECT_EQ(differences(wild, run_of(filled())).size(), 1u);  // the version
}

}  // namespace
}  // namespace imagent::test
