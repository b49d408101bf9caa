// Autoencoders in a run: tiles, other VAEs, TAESD, seamless pictures.
#include "pipeline/vae_source.h"

#include "image/codec.h"
#include "pipeline/engine.h"
#include "pipeline/image_latents.h"
#include "pipeline/memory.h"
#include "pipeline/preview.h"
#include "pipeline/tiled_vae.h"
#include "support/devices.h"
#include "support/pictures.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

fs::path demo() { return source_dir() / "models/demo"; }
fs::path taesd() { return source_dir() / "../shared/data/taesd/taesd_decoder.safetensors"; }

// A picture with many kinds of parts, so that tiles differ as much as they can.
Image mosaic() {
  const Image gallery = to_rgb(read_image(source_dir() / "docs/gallery.png"));
  Image part(512, 384, 3);
  for (int y = 0; y < part.height; ++y) std::copy_n(gallery.at(0, y), 3 * part.width, part.at(0, y));
  return part;
}

PictureDecoder decoder_of(LoadedModel& model, int tile) { return {model.vae_decoder(), model.vae_config(), model.backend(), model.compute(), tile}; }

// Measured for the decoded picture: 43.0 dB with the demo model, 47.9 dB with TAESD.
void expect_no_seams(const std::shared_ptr<const ModelSource>& source, int tile) {
  LoadedModel model(source, backend("cpu"), DType::f32);
  const Image picture = mosaic();
  const Latents whole = encode_picture(model, picture, 0).mode(), parts = encode_picture(model, picture, tile).mode();
  double peak = 0;
  for (const float value : whole.values) peak = std::max(peak, static_cast<double>(std::abs(value)));
  EXPECT_GE(psnr(parts.values, whole.values, 2 * peak), 40);
  const double decoded = difference(decode_latents(decoder_of(model, tile), whole), decode_latents(decoder_of(model, 0), whole)).psnr;
  EXPECT_GE(decoded, 40);
  testing::Test::RecordProperty("decoded_dB", std::to_string(decoded));
}

TEST(TiledVae, SeamsOfTheDemoModelDoNotShow) { expect_no_seams(open_model_source(demo()), 32); }

TEST(TiledVae, SeamsOfTaesdDoNotShow) {
  if (!fs::exists(taesd())) GTEST_SKIP() << "no weights of TAESD in ../shared/data/taesd";
  expect_no_seams(with_vae(open_model_source(demo()), open_vae(taesd())), 32);
}

Request small_request() {
  Request r;
  r.prompt = "a red house by the sea";
  r.steps = 2;
  r.seed = 3;
  r.width = r.height = 128;
  r.dtype = DType::f32;
  return r;
}

imagent::Run draw(const Request& request, size_t memory_limit = 0) {
  Engine engine({.device = "cpu", .builtin_model = demo(), .memory_limit = memory_limit});
  return engine.generate(request);
}

TEST(TiledVae, IsChosenWhenMemoryIsShort) {
  Request request = small_request();
  request.width = request.height = 512;
  request.steps = 1;
  request.guidance_scale = 1;
  RunShape shape{.latent_height = 64, .latent_width = 64, .rows = 1};
  const auto need = [&](int tile) {
    shape.vae_tile = tile;
    return predict_memory(open_model_source(demo()), shape).total();
  };
  ASSERT_LT(need(32), need(0));
  const auto whole = draw(request), parts = draw(request, need(32) + (4 << 20));
  EXPECT_EQ(whole.vae_tile, 0);
  EXPECT_GT(parts.vae_tile, 0);
  EXPECT_LT(parts.vae_tile, 64);
  EXPECT_GE(difference(parts.results[0].image, whole.results[0].image).psnr, 40);
  EXPECT_LT(parts.peak_bytes, whole.peak_bytes);
  EXPECT_THROW(draw(request, 8 << 20), Error);
}

TEST(OtherVae, TheModelsOwnGivesTheSamePicture) {
  Request request = small_request();
  const Image own = draw(request).results[0].image;
  for (const fs::path& place : {demo(), demo() / "vae", demo() / "vae/diffusion_pytorch_model.safetensors"}) {
    request.vae = place.string();
    const auto run = draw(request);
    EXPECT_EQ(run.results[0].image, own) << place;
    EXPECT_NE(run.results[0].infotext.find("VAE: " + place.filename().string()), std::string::npos) << run.results[0].infotext;
  }
  request.vae = golden("taesd/toy_decoder.safetensors").string();
  EXPECT_NE(draw(request).results[0].image, own);
  for (const fs::path& place : {golden("upscale/compact_x4.safetensors"), golden("upscale"), golden("missing")}) {
    request.vae = place.string();
    EXPECT_THROW(draw(request), Error) << place;
  }
}

TEST(Previews, ByTheTinyAutoencoderDoNotChangeThePicture) {
  Request request = small_request();
  const Image without = draw(request).results[0].image;
  request.preview_every = 1;
  request.preview = PreviewKind::taesd;
  EXPECT_THROW(draw(request), Error);
  request.taesd = golden("taesd/folder").string();
  Engine engine({.device = "cpu", .builtin_model = demo()});
  int previews = 0;
  Events events;
  events.progress = [&](const Progress& progress) {
    if (!progress.preview) return;
    EXPECT_EQ(progress.preview->width, 128);
    ++previews;
  };
  EXPECT_EQ(engine.generate(request, events).results[0].image, without);
  EXPECT_EQ(previews, 2);
  request.taesd = (demo() / "vae").string();
  EXPECT_THROW(engine.generate(request), Error);
}

// [1,h,w,C] moved by whole pixels, what leaves at one side coming in at the other.
std::vector<float> rolled(const std::vector<float>& values, Shape shape, int64_t down, int64_t right) {
  std::vector<float> out(values.size());
  const int64_t height = shape[1], width = shape[2], channels = shape[3];
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      std::copy_n(&values[static_cast<size_t>((y * width + x) * channels)], channels,
                  &out[static_cast<size_t>(((y + down) % height * width + (x + right) % width) * channels)]);
  return out;
}

struct Seamless {
  LoadedModel model{open_model_source(demo()), backend("cpu"), DType::f32};
  const Shape latents{1, 16, 16, 4};
  std::vector<float> values = std::vector<float>(static_cast<size_t>(latents.numel()));

  explicit Seamless(bool seamless) {
    if (seamless) model.make_seamless();
    make_generator(GeneratorKind::cpu, 1)->normal(values);
  }
  // How much the result for moved latents differs from the moved result.
  template <class Network>
  double difference(const Network& network, int64_t enlarged) const {
    const Tensor still = network(imagent::upload(model.backend(), latents, values));
    const Tensor moved = network(imagent::upload(model.backend(), latents, rolled(values, latents, 8, 8)));
    return max_abs_difference(rolled(download(still), still.shape(), 8 * enlarged, 8 * enlarged), download(moved));
  }
};

TEST(SeamlessPictures, MovedLatentsGiveTheMovedPicture) {
  Seamless seamless(true), ordinary(false);
  const auto unet = [](LoadedModel& model) {
    return [&](const Tensor& x) { return model.unet()(x, model.unet().blank_conditions(1, 77)); };
  };
  const auto decoder = [](LoadedModel& model) {
    return [&](const Tensor& x) { return model.vae_decoder()(x); };
  };
  EXPECT_LE(seamless.difference(unet(seamless.model), 1), 1e-4);
  EXPECT_LE(seamless.difference(decoder(seamless.model), 8), 1e-4);
  EXPECT_GE(ordinary.difference(unet(ordinary.model), 1), 1e-2);
  EXPECT_GE(ordinary.difference(decoder(ordinary.model), 8), 1e-2);
}

TEST(SeamlessPictures, AreNamedInTheParameters) {
  Request request = small_request();
  const Image ordinary = draw(request).results[0].image;
  request.tiling = true;
  const auto run = draw(request);
  EXPECT_NE(run.results[0].image, ordinary);
  EXPECT_NE(run.results[0].infotext.find("Tiling: True"), std::string::npos);
  request.vae_tiling = true;
  EXPECT_THROW(draw(request), Error);
}

}  // namespace
}  // namespace imagent::test
