// Seeds, guidance for a part of the run, the hires pass and the rules of inpainting, in whole runs.
#include <gtest/gtest.h>

#include <cmath>

#include "image/compose.h"
#include "pipeline/engine.h"
#include "pipeline/hires.h"
#include "pipeline/picture_inputs.h"
#include "support/golden.h"
#include "support/pictures.h"

namespace imagent::test {
namespace {

struct Passes : testing::Test {
  static Engine& engine() {
    static Engine engine({.device = "cpu", .threads = 0, .builtin_model = source_dir() / "models/demo"});
    return engine;
  }
  static Request request() {
    Request r;
    r.prompt = "a red house";
    r.steps = 3;
    r.seed = 1;
    r.width = r.height = 64;
    r.sampler = "euler";
    r.dtype = DType::f32;
    return r;
  }
  static std::vector<float> latents(const Request& r, size_t image = 0) { return engine().generate(r).results.at(image).latents; }
};

TEST_F(Passes, VariationsLieBetweenTwoSeeds) {
  Request r = request(), other = request();
  other.seed = 9;
  const std::vector<float> from = latents(r), to = latents(other);
  r.variation_seed = 9;
  EXPECT_EQ(latents(r), from) << "strength 0";
  r.variation_strength = 1;
  EXPECT_LE(max_abs_difference(latents(r), to), 1e-3);
  r.variation_strength = 0.3f;
  const std::vector<float> between = latents(r);
  EXPECT_GT(max_abs_difference(between, from), 0.1);
  EXPECT_GT(max_abs_difference(between, to), max_abs_difference(between, from));

  r.batch = 2;  // one seed, variation seeds 9 and 10
  r.variation_seed = 8;
  const auto run = engine().generate(r);
  EXPECT_EQ(run.results[1].latents, between);
  EXPECT_EQ(run.results[1].seed, 1);
  EXPECT_NE(run.results[1].infotext.find("Variation seed: 9, Variation seed strength: 0.3"), std::string::npos) << run.results[1].infotext;
}

TEST_F(Passes, SeedResizeAndEnsd) {
  Request r = request();
  r.width = 96;
  const std::vector<float> plain = latents(r);
  r.seed_resize_width = r.seed_resize_height = 64;
  const auto resized = engine().generate(r);
  EXPECT_NE(resized.results[0].latents, plain);
  EXPECT_NE(resized.results[0].infotext.find("Seed resize from: 64x64"), std::string::npos);
  r = request();
  r.ensd = 31337;
  EXPECT_EQ(latents(r), latents(request())) << "Euler draws noise once";
  r.sampler = "euler_a";
  const auto ancestral = engine().generate(r);
  EXPECT_NE(ancestral.results[0].infotext.find("ENSD: 31337"), std::string::npos);
  r.ensd = 0;
  EXPECT_NE(latents(r), ancestral.results[0].latents);
}

TEST_F(Passes, GuidanceForAPartOfTheRun) {
  Request r = request();
  r.guidance_scale = 6.f;
  const std::vector<float> guided = latents(r);
  r.guidance_end = 0.5f;
  const std::vector<float> half = latents(r);
  EXPECT_NE(half, guided);
  r.guidance_end = 0;
  const std::vector<float> none = latents(r);
  EXPECT_NE(half, none);
  r.guidance_end = 1;
  r.guidance_start = 1;
  EXPECT_EQ(latents(r), none);
  r.guidance_start = 0;
  r.guidance_scale = 1.f;
  EXPECT_EQ(latents(r), none);
}

TEST_F(Passes, TheHiresPassDoesItsOwnSteps) {
  for (const Compat compat : {Compat::native, Compat::a1111})
    for (const char* upscaler : {"latent", "Latent (bicubic antialiased)", "Lanczos"}) {
      SCOPED_TRACE(upscaler);
      Request r = request();
      r.compat = compat;
      r.hires_scale = 1.6f;  // 102 pixels, of which 96 are multiples of 8
      r.hires_steps = 4;
      r.hires_strength = 0.6;
      r.hires_upscaler = upscaler;
      r.hires_sampler = "euler_a";
      int steps = 0;
      Events events;
      events.progress = [&](const Progress&) { ++steps; };
      const auto run = engine().generate(r, events);
      EXPECT_EQ(run.results[0].image.width, 96);
      EXPECT_EQ(run.results[0].latent_height, 12);
      EXPECT_EQ(steps, 3 + 4);
      EXPECT_NE(run.results[0].infotext.find("Denoising strength: 0.6"), std::string::npos);
      EXPECT_NE(run.results[0].infotext.find("Hires upscale: 1.6, Hires steps: 4, Hires upscaler: "), std::string::npos) << run.results[0].infotext;
      EXPECT_NE(run.results[0].infotext.find("Hires sampler: Euler a"), std::string::npos);
      EXPECT_NE(run.results[0].infotext.find("Size: 64x64"), std::string::npos);
    }
}

TEST_F(Passes, TheHiresPassTakesASize) {
  struct Case {
    int width, height;      // asked for
    Size enlarged, drawn;   // of a picture of 96x64
  };
  for (const Case& c : {Case{144, 0, {144, 96}, {144, 96}}, Case{0, 80, {120, 80}, {120, 80}}, Case{128, 128, {192, 128}, {128, 128}},
                        Case{192, 96, {192, 128}, {192, 96}}, Case{144, 96, {144, 96}, {144, 96}}}) {
    Request r = request();
    r.width = 96;
    r.height = 64;
    r.hires_width = c.width;
    r.hires_height = c.height;
    r.hires_steps = 1;
    const Size enlarged = hires_enlarged_size(r);
    EXPECT_EQ(enlarged.width, c.enlarged.width);
    EXPECT_EQ(enlarged.height, c.enlarged.height);
    for (const char* upscaler : {"latent", "nearest"}) {
      r.hires_upscaler = upscaler;
      const auto run = engine().generate(r);
      EXPECT_EQ(run.results[0].image.width, c.drawn.width);
      EXPECT_EQ(run.results[0].image.height, c.drawn.height);
      EXPECT_NE(run.results[0].infotext.find(str("Hires resize: ", c.width, "x", c.height, ", ")), std::string::npos) << run.results[0].infotext;
    }
  }
  Request r = request();
  r.width = 64;
  r.height = 1024;
  r.hires_width = r.hires_height = 2048;
  EXPECT_THROW(engine().generate(r), Error);
}

// What is cut away is the same on both sides, and what stays is the middle.
TEST_F(Passes, AHiresPassOfAnotherShapeShowsTheMiddle) {
  Request r = request();
  r.width = 128;
  r.height = 64;
  r.hires_upscaler = "lanczos";
  r.hires_strength = 0.05;
  r.hires_steps = 1;
  r.hires_width = 256;
  r.hires_height = 128;
  const Image whole = engine().generate(r).results[0].image;
  r.hires_width = 128;
  const Image part = engine().generate(r).results[0].image;
  EXPECT_GE(difference(part, crop(whole, {64, 0, 128, 128})).psnr, 20);
  EXPECT_LT(difference(part, crop(whole, {32, 0, 128, 128})).psnr, 20);
}

TEST_F(Passes, HiresOfAWeakStrengthKeepsTheComposition) {
  Request r = request();
  r.steps = 8;
  r.width = r.height = 96;
  const Image small = engine().generate(r).results[0].image;
  r.hires_scale = 1.5f;
  r.hires_strength = 0.2;
  r.hires_steps = 2;
  r.hires_upscaler = "lanczos";
  const Image large = engine().generate(r).results[0].image;
  ASSERT_EQ(large.width, 144);
  double sum = 0;
  for (int y = 0; y < 96; ++y)
    for (int x = 0; x < 96; ++x)
      for (int c = 0; c < 3; ++c) sum += std::abs(large.at(x * 3 / 2, y * 3 / 2)[c] - small.at(x, y)[c]);
  EXPECT_LT(sum / (96 * 96 * 3), 25);
}

// The clean image that a changed output means is the picture where the mask is 0, and what it was where it is 1.
TEST(Background, IsPutIntoPredictionsOfEveryKind) {
  const double sigma = 1.7, root = std::sqrt(sigma * sigma + 1);
  Latents x(1, 1, 2), picture(1, 1, 2), mask(1, 1, 2);
  x.values = {0.4f, -2.1f};
  picture.values = {0.9f, 0.3f};
  mask.values = {0, 1};
  for (const Parameterisation kind : {Parameterisation::epsilon, Parameterisation::v, Parameterisation::sample}) {
    const auto clean = [&](const std::vector<float>& output, size_t i) {
      if (kind == Parameterisation::epsilon) return x.values[i] - sigma * output[i];
      return kind == Parameterisation::v ? x.values[i] / (root * root) - sigma / root * output[i] : double{output[i]};
    };
    Background background{picture, {}, mask, {}, true};
    background.plan.prediction = kind;
    ModelCall call;
    call.latents = &x;
    call.sigma = sigma;
    std::vector<float> output = {0.5f, -0.8f};
    const double before = clean(output, 1);
    background.after_model(call, output);
    EXPECT_NEAR(clean(output, 0), 0.9, 1e-5);
    EXPECT_NEAR(clean(output, 1), before, 1e-6);
  }
}

}  // namespace
}  // namespace imagent::test
