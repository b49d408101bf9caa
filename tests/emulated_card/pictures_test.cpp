// Whole runs on the emulated card: the pictures of the CPU in every dtype and task, previews, cancelling.
#include <gtest/gtest.h>

#include "emulated_card/card.h"
#include "image/codec.h"
#include "support/pictures.h"

namespace imagent::test {
namespace {

// The card's picture against the CPU's in f32, in dB.
double likeness(Request r, DType dtype = DType::f32) {
  r.dtype = DType::f32;
  const Image expected = processor().generate(r).results[0].image;
  r.dtype = dtype;
  return difference(card().generate(r).results[0].image, expected).psnr;
}

struct CardPictures : testing::TestWithParam<DType> {};

// As tests/pipeline/reduced_precision_test.cpp asks of every device.
TEST_P(CardPictures, AreNearlyThoseOfTheCpu) {
  const double limit = GetParam() == DType::f32 ? 60 : 40;
  Request r = small_request();
  EXPECT_GE(likeness(r, GetParam()), limit);
  r.guidance_scale = 1;
  r.sampler = "ddim";
  for (const char* model : {"sd15-tiny", "sdxl"}) {
    r.model = golden(str("models/", model)).string();
    EXPECT_GE(likeness(r, GetParam()), limit) << model;
  }
}

INSTANTIATE_TEST_SUITE_P(Card, CardPictures, testing::Values(DType::f32, DType::f16, DType::bf16), [](const auto& info) { return std::string(name_of(info.param)); });

// Weights are merged on the host and packed again on the card; taking them away gives the file's again.
TEST(CardRuns, TakeLoras) {
  Request r = small_request();
  r.model = golden("models/sd15").string();
  r.steps = 1;
  r.guidance_scale = 1;
  const Image plain = card().generate(r).results[0].image;
  r.loras = {{"kohya", 0.8, 0.8, {}}, {"locon", 0.5, 0.5, {}}};
  EXPECT_GE(likeness(r), 60);
  EXPECT_LT(difference(processor().generate(r).results[0].image, plain).psnr, 60);
  r.loras.clear();
  EXPECT_EQ(card().generate(r).results[0].image, plain);
}

// A picture to begin with, a mask, a ControlNet.
TEST(CardRuns, TakePictures) {
  Request r = small_request();
  r.model = golden("models/sd15").string();
  r.guidance_scale = 1;
  r.steps = 1;
  r.init_image = std::make_shared<const Image>(read_image(golden("pipelines/inpaint-4ch/in.png")));
  r.mask = std::make_shared<const Image>(read_image(golden("pipelines/inpaint-4ch/mask.png")));
  r.strength = 1;
  r.controls = {{.model = golden("models/controlnet-sd15").string(), .image = std::make_shared<const Image>(read_image(golden("pipelines/controlnet-sd15/hint_0.png")))}};
  EXPECT_GE(likeness(r), 60);
}

TEST(CardRuns, GoThroughANetworkToASecondPass) {
  Request r = small_request();
  r.steps = 1;
  r.guidance_scale = 1;
  r.enable_hr = true;
  r.hires_scale = 1.5f;
  r.hires_strength = 0.6;
  r.hires_upscaler = golden("upscale/compact_x4.safetensors").string();
  EXPECT_GE(likeness(r), 60);
}

TEST(CardRuns, ShowPreviews) {
  for (const PreviewKind kind : {PreviewKind::latent, PreviewKind::taesd, PreviewKind::vae}) {
    Request r = small_request();
    r.guidance_scale = 1;
    r.preview = kind;
    r.preview_every = 1;
    if (kind == PreviewKind::taesd) r.taesd = golden("taesd/folder").string();
    const auto previews = [&](Engine& engine) {
      std::vector<Image> shown;
      Events events;
      events.progress = [&](const Progress& progress) {
        if (progress.preview) shown.push_back(*progress.preview);
      };
      engine.generate(r, events);
      return shown;
    };
    const std::vector<Image> expected = previews(processor()), shown = previews(card());
    ASSERT_EQ(expected.size(), 2u);
    ASSERT_EQ(shown.size(), 2u);
    for (size_t i = 0; i < shown.size(); ++i) EXPECT_GE(difference(shown[i], expected[i]).psnr, 50) << static_cast<int>(kind);
  }
}

TEST(CardRuns, StopInTheMiddleAndGoOnWithTheNext) {
  Request r = small_request();
  r.steps = 3;
  r.guidance_scale = 1;
  const std::vector<float> before = card().generate(r).results[0].latents;
  std::atomic<bool> cancel = false;
  int last_step = 0;
  Events events;
  events.cancel = &cancel;
  events.progress = [&](const Progress& progress) {
    last_step = progress.step;
    cancel = progress.step == 2;
  };
  try {
    card().generate(r, events);
    ADD_FAILURE() << "not cancelled";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::cancelled);
  }
  EXPECT_EQ(last_step, 2);
  EXPECT_EQ(card().generate(r).results[0].latents, before);
}

// The first UNet call is made as it is, the second one recorded; all after it, also of later pictures, are launched.
TEST(CardRuns, RecordTheUNet) {
  Engine engine(options_for("cuda"));
  Request r = small_request();
  r.sampler = "euler";
  r.steps = 3;
  r.guidance_scale = 1;
  const auto launches = [&] {
    const int before = emulation::graph_launches;
    EXPECT_GE(difference(engine.generate(r).results[0].image, processor().generate(r).results[0].image).psnr, 60);
    return emulation::graph_launches - before;
  };
  EXPECT_EQ(launches(), 2);
  r.seed = 6;
  EXPECT_EQ(launches(), 3);
}

// All comes back to the card when models go.
TEST(CardRuns, LeaveNothingOnTheCard) {
  Engine engine(options_for("cuda"));
  const size_t before = emulation::memory_used;
  engine.generate(small_request());
  EXPECT_GT(emulation::memory_used, before + (size_t{4} << 20));
  engine.unload_models();
  EXPECT_EQ(emulation::memory_used, before);
}

}  // namespace
}  // namespace imagent::test
