// Runs whose card has no more memory in the middle: smaller tiles, fewer pictures at a time, no previews; then one clear error,
// and the engine draws on.
#include <gtest/gtest.h>

#include <optional>

#include "emulated_card/card.h"
#include "pipeline/loaded_model.h"
#include "pipeline/vae_source.h"
#include "support/pictures.h"
#include "support/small_backend.h"

namespace imagent::test {
namespace {

// Bytes of tensors at the largest moment of an autoencoder's, or a UNet's, work.
size_t wanted_to_decode(const VaeSource& vae, int side) {
  SmallBackend counting;
  const auto decoder = make_vae_decoder(Weights(vae.weights, counting, DType::f32), *vae.config);
  return counting.wanted_by([&] { (*decoder)(Tensor(counting, {1, side, side, 4}, DType::f32)); });
}
size_t wanted_to_encode(const VaeSource& vae, int side) {
  SmallBackend counting;
  const auto encoder = make_vae_encoder(Weights(vae.weights, counting, DType::f32), *vae.config);
  return counting.wanted_by([&] { (*encoder)(Tensor(counting, {1, 8 * side, 8 * side, 3}, DType::f32)); });
}
size_t wanted_to_denoise(int64_t pictures, int side) {
  SmallBackend counting;
  LoadedModel model(open_model_source(source_dir() / "models/demo", {}), counting, DType::f32);
  const UNet2DConditionModel& unet = model.unet();
  return counting.wanted_by([&] { unet(Tensor(counting, {pictures, side, side, 4}, DType::f32), unet.blank_conditions(pictures, 77), {}); });
}
VaeSource tiny_vae() { return open_vae(golden("taesd/folder")); }
VaeSource demo_vae() { return open_vae(source_dir() / "models/demo/vae"); }

struct Outcome {
  std::optional<Run> run;
  std::optional<Error> error;
  std::vector<std::string> notes;
};

struct Shortage {
  std::string from, until;  // phases; "": to the end
  size_t bytes;
};

Outcome draw_with(const Shortage& shortage, const Request& r, Events events = {}) {
  Outcome outcome;
  std::optional<ShortOfMemory> small;
  events.note = [&](const std::string& text) { outcome.notes.push_back(text); };
  events.phase = [&](const std::string& phase) {
    if (phase == shortage.from) small.emplace(shortage.bytes);
    if (phase == shortage.until) small.reset();
  };
  try {
    outcome.run = card().generate(r, events);
  } catch (const Error& error) {
    outcome.error = error;
  }
  return outcome;
}

Request quick_request(int side) {
  Request r = small_request(side);
  r.steps = 1;
  r.guidance_scale = 1;
  r.vae = golden("taesd/folder").string();
  return r;
}

// Too little for a picture of 18 latents a side, enough for tiles of at most 16: these have 14.
size_t too_little(size_t whole) { return whole * 8 / 10; }

TEST(CardMemory, DecodesByTilesWhenItRunsOut) {
  const Request r = quick_request(144);
  const auto whole = card().generate(r);
  const Outcome outcome = draw_with({"decode", "", too_little(wanted_to_decode(tiny_vae(), 18))}, r);
  ASSERT_TRUE(outcome.run) << outcome.error->text;
  EXPECT_EQ(whole.vae_tile, 0);
  EXPECT_EQ(outcome.run->vae_tile, 16);
  EXPECT_EQ(outcome.notes, std::vector<std::string>{"memory ran out: the autoencoder works in tiles of 128 pixels"});
  EXPECT_EQ(outcome.run->results[0].latents, whole.results[0].latents);
  LoadedVae vae(tiny_vae(), card().backend(), DType::f32);
  Latents latents(4, 18, 18);
  latents.values = whole.results[0].latents;
  EXPECT_EQ(outcome.run->results[0].image, decode_latents(vae.picture_decoder(16), latents));
}

TEST(CardMemory, EncodesByTilesWhenItRunsOut) {
  Request r = quick_request(144);
  r.init_image = std::make_shared<const Image>(card().generate(r).results[0].image);
  r.strength = 1;
  const Outcome outcome = draw_with({"encode", "denoise", too_little(wanted_to_encode(tiny_vae(), 18))}, r);
  ASSERT_TRUE(outcome.run) << outcome.error->text;
  EXPECT_EQ(outcome.run->vae_tile, 16);
  EXPECT_EQ(outcome.notes.size(), 1u);
}

TEST(CardMemory, SaysWhatWouldHelpWhenTheSmallestTilesAreTooLarge) {
  Request r = quick_request(144);
  for (const bool seamless : {false, true}) {
    r.tiling = seamless;
    const Outcome outcome = draw_with({"decode", "", wanted_to_decode(tiny_vae(), 4)}, r);
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->kind, ErrorKind::memory);
    const std::string expected = seamless ? "memory ran out while decoding a picture of 144x144 pixels: a smaller picture (--width, --height) or without --tiling would need less ("
                                          : "memory ran out while decoding a picture of 144x144 pixels in tiles of 128: a smaller picture (--width, --height) would need less (";
    EXPECT_TRUE(outcome.error->text.starts_with(expected)) << outcome.error->text;
  }
}

TEST(CardMemory, FailsInTheMiddleOfTheUNetAndDrawsOn) {
  const Request r = quick_request(64);
  const auto before = card().generate(r);
  const Outcome outcome = draw_with({"denoise", "", 100'000}, r);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->kind, ErrorKind::memory);
  EXPECT_TRUE(outcome.error->text.starts_with("memory ran out while denoising 64x64 pixels: a smaller picture")) << outcome.error->text;
  const auto after = card().generate(r);
  EXPECT_EQ(after.results[0].image, before.results[0].image);
}

// Between what one picture takes and what three take at once.
TEST(CardMemory, DenoisesFewerPicturesAtATime) {
  Request r = quick_request(96);
  r.batch = 3;
  const auto together = card().generate(r);
  const Outcome outcome = draw_with({"denoise", "decode", (wanted_to_denoise(1, 12) + wanted_to_denoise(3, 12)) / 2}, r);
  ASSERT_TRUE(outcome.run) << outcome.error->text;
  EXPECT_EQ(outcome.notes, std::vector<std::string>{"memory ran out: pictures are denoised 1 at a time"});
  EXPECT_EQ(together.largest_call, 3);
  EXPECT_EQ(outcome.run->largest_call, 1);
  ASSERT_EQ(outcome.run->results.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_GE(difference(outcome.run->results[i].image, together.results[i].image).psnr, 60);
}

// There is room for what a UNet call computes and for a small part of its weights.
TEST(CardMemory, IsEnoughForALargerModelWithLowVram) {
  EngineOptions options = options_for("cuda");
  options.low_vram = true;
  Engine engine(options);
  Request r = quick_request(64);
  r.steps = 2;
  std::optional<ShortOfMemory> small;
  const auto sent_while_drawing = [&](Image& picture, const Events& events) {
    const size_t before = emulation::bytes_sent;
    picture = engine.generate(r, events).results[0].image;
    return emulation::bytes_sent - before;
  };
  Image with_room, without;
  const size_t each_once = sent_while_drawing(with_room, {});
  engine.unload_models();
  Events events;
  events.phase = [&](const std::string& phase) {
    if (phase == "text") small.emplace(wanted_to_denoise(1, 8) + each_once / 4);
  };
  EXPECT_GT(sent_while_drawing(without, events), each_once * 5 / 4) << "some of the UNet came once a step";
  EXPECT_EQ(without, with_room);
  EXPECT_LE(emulation::memory_used, emulation::memory_limit);
}

// The UNet takes much less than the decoder that shows what it draws.
TEST(CardMemory, LeavesPreviewsOut) {
  Request r = quick_request(64);
  r.steps = 2;
  r.vae = "";
  EXPECT_LT(wanted_to_denoise(1, 8), wanted_to_decode(demo_vae(), 8) / 3);
  const auto plain = card().generate(r);
  r.preview_every = 1;
  r.preview = PreviewKind::vae;
  std::vector<int> shown;
  Events events;
  events.progress = [&](const Progress& progress) {
    if (progress.preview) shown.push_back(progress.step);
  };
  const Outcome outcome = draw_with({"denoise", "decode", wanted_to_decode(demo_vae(), 8) / 2}, r, events);
  ASSERT_TRUE(outcome.run) << outcome.error->text;
  EXPECT_TRUE(shown.empty());
  EXPECT_EQ(outcome.notes, std::vector<std::string>{"memory ran out: the run goes on without previews"});
  EXPECT_EQ(outcome.run->results[0].image, plain.results[0].image);
  card().generate(r, events);
  EXPECT_EQ(shown, (std::vector<int>{1, 2}));
}

// A preview's tiles are its own: the picture is decoded as a whole again.
TEST(CardMemory, PreviewsByTilesChangeNothing) {
  Request r = quick_request(144);
  r.vae = "";
  const size_t bytes = too_little(wanted_to_decode(demo_vae(), 18));
  EXPECT_LT(wanted_to_denoise(1, 18), bytes / 2);
  const auto plain = card().generate(r);
  r.preview_every = 1;
  r.preview = PreviewKind::vae;
  int shown = 0;
  Events events;
  events.progress = [&](const Progress& progress) { shown += progress.preview != nullptr; };
  const Outcome outcome = draw_with({"denoise", "decode", bytes}, r, events);
  ASSERT_TRUE(outcome.run) << outcome.error->text;
  EXPECT_EQ(shown, 1);
  EXPECT_EQ(outcome.run->vae_tile, 0);
  EXPECT_EQ(outcome.run->results[0].image, plain.results[0].image);
}

}  // namespace
}  // namespace imagent::test
