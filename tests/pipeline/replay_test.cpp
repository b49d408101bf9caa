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
