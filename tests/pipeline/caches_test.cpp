// Texts and pictures that were encoded before: the same bytes as encoding them again, and a miss whenever anything differs
// on which they depend.
#include <chrono>

#include "image/compose.h"
#include "pipeline/encode_chunk.h"
#include "pipeline/engine.h"
#include "support/devices.h"
#include "support/scratch.h"
#include "weights/open.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

// An engine with folders of LoRAs and embeddings, and what it tells of its caches.
struct Caches : testing::Test {
  Caches() {
    fs::copy_file(golden("adapters/kohya.safetensors"), scratch / "kohya.safetensors");
    fs::copy_file(golden("adapters/textual_inversion/a1111_pt.pt"), scratch / "words.pt");
  }
  EngineOptions options() const {
    return {.device = "cpu", .threads = 0, .builtin_model = source_dir() / "models/demo", .lora_dir = scratch.path(), .embeddings_dir = scratch.path()};
  }
  static Request request() {
    Request r;
    r.model = golden("models/sd15").string();
    r.prompt = "a red house";
    r.negative = "blurry";
    r.width = r.height = 64;
    r.steps = 2;
    r.seed = 7;
    r.dtype = DType::f32;
    return r;
  }
  // The line that the run tells of `what`; its pictures are compared with those of an engine that has never drawn.
  std::string told(const Request& r, const std::string& what = "text embeddings") {
    std::string line;
    Events events;
    events.detail = [&](const std::string& text) {
      if (text.starts_with(what + ": ")) line = text.substr(what.size() + 2);
    };
    const auto run = engine.generate(r, events);
    const auto fresh = Engine(options()).generate(r);
    for (size_t i = 0; i < fresh.results.size(); ++i) EXPECT_EQ(run.results[i].image, fresh.results[i].image);
    return line;
  }

  Scratch scratch;
  Engine engine{options()};
};

TEST_F(Caches, TextsAreEncodedOnce) {
  Request r = request();
  EXPECT_EQ(told(r), "0 of 2 from the cache");
  EXPECT_EQ(told(r), "2 of 2 from the cache");
  r.seed = 8;
  r.prompt = "a (red:1.3) house";  // weights are applied afterwards
  EXPECT_EQ(told(r), "2 of 2 from the cache");
  r.prompt = "a blue house";
  EXPECT_EQ(told(r), "1 of 2 from the cache");
  r.clip_skip = 2;  // of the prompt alone, by the rules of diffusers
  EXPECT_EQ(told(r), "1 of 2 from the cache");
  r.clip_skip = 1;
  EXPECT_EQ(told(r), "2 of 2 from the cache");
}

TEST_F(Caches, EachModelHasItsOwnTexts) {
  Request r = request();
  EXPECT_EQ(told(r), "0 of 2 from the cache");
  r.model = golden("models/sd21").string();
  EXPECT_EQ(told(r), "0 of 2 from the cache");
  r.model = request().model;
  EXPECT_EQ(told(r), "2 of 2 from the cache");
  r.vae = (source_dir() / "models/demo/vae").string();  // which reads no texts
  EXPECT_EQ(told(r), "2 of 2 from the cache");
}

TEST_F(Caches, LorasOnTheTextEncoderMatter) {
  Request r = request();
  r.loras = {{"kohya", 0.5, 0.5, {}}};
  told(request());
  EXPECT_EQ(told(r), "0 of 2 from the cache");
  EXPECT_EQ(told(request()), "2 of 2 from the cache");
  r.loras[0].unet = 1;
  EXPECT_EQ(told(r), "2 of 2 from the cache");
  r.loras[0].text_encoder = 1;
  EXPECT_EQ(told(r), "0 of 2 from the cache");
  r.loras[0].text_encoder = 0;
  EXPECT_EQ(told(r), "2 of 2 from the cache") << "as without";
  r.loras[0].text_encoder = 1;
  const fs::path file = scratch / "kohya.safetensors";
  fs::last_write_time(file, fs::last_write_time(file) + std::chrono::hours(1));
  EXPECT_EQ(told(r), "0 of 2 from the cache") << "it may be another file now";
  fs::remove(file);
  fs::copy_file(golden("adapters/kohya_second.safetensors"), file);
  EXPECT_EQ(told(r), "2 of 2 from the cache") << "it changes the UNet alone";
}

TEST_F(Caches, LearnedWordsMatter) {
  Request r = request();
  r.prompt = "a red house, words";
  EXPECT_EQ(told(r), "0 of 2 from the cache");
  EXPECT_EQ(told(r), "2 of 2 from the cache");
  fs::copy_file(golden("adapters/textual_inversion/emb_params.safetensors"), scratch / "below.safetensors");
  fs::remove(scratch / "words.pt");
  fs::rename(scratch / "below.safetensors", scratch / "words.safetensors");
  EXPECT_EQ(told(r), "1 of 2 from the cache");
  r.compat = Compat::diffusers;  // plain words
  EXPECT_EQ(told(r), "1 of 2 from the cache");
}

// Vectors stand in place of tokens whose numbers say nothing: where they stand is a part of the key.
TEST_F(Caches, PlacesOfLearnedWordsMatter) {
  LoadedModel model(open_model_source(request().model), backend("cpu"), DType::f32);
  auto embedding = std::make_shared<NamedEmbedding>();
  embedding->name = "x";
  embedding->vectors = read_embedding(*open_weights(golden("adapters/textual_inversion/emb_params.safetensors")));
  model.use_embeddings({embedding});
  Chunk chunk;
  chunk.ids.fill(0);
  chunk.embeddings = {{1, "x", embedding->prompt_vectors()}};
  const auto first = encode_chunk(model, 0, chunk, 0);
  EXPECT_EQ(encode_chunk(model, 0, chunk, 1), first);
  chunk.embeddings[0].row = 9;
  EXPECT_NE(encode_chunk(model, 0, chunk, 0)->states, first->states);
}

Image stripes(int width, int height, int wide) {
  Image image(width, height, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = i / 3 / static_cast<size_t>(wide) % 2 ? 200 : 30;
  return image;
}

TEST_F(Caches, PicturesAreEncodedOnce) {
  Request r = request();
  const std::string what = "encoded pictures";
  EXPECT_EQ(told(r, what), "");
  r.init_image = std::make_shared<Image>(stripes(64, 64, 8));
  EXPECT_EQ(told(r, what), "0 of 1 from the cache");
  EXPECT_EQ(told(r, what), "1 of 1 from the cache");
  r.seed = 9;  // the draw from the encoder's distribution comes afterwards
  r.strength = 0.5;
  EXPECT_EQ(told(r, what), "1 of 1 from the cache");
  r.init_image = std::make_shared<Image>(stripes(64, 64, 9));
  EXPECT_EQ(told(r, what), "0 of 1 from the cache");
  r.width = 72;
  EXPECT_EQ(told(r, what), "0 of 1 from the cache");
  r.resize_mode = ResizeMode::crop;
  EXPECT_EQ(told(r, what), "0 of 1 from the cache");
  r.vae_tiling = true;
  EXPECT_EQ(told(r, what), "0 of 1 from the cache");
  r.vae = (source_dir() / "models/demo/vae").string();
  EXPECT_EQ(told(r, what), "0 of 1 from the cache");
}

TEST_F(Caches, MasksOfInpaintingModelsMatter) {
  Request r = request();
  r.model = golden("models/sd15-inpaint").string();
  r.init_image = std::make_shared<Image>(stripes(64, 64, 8));
  Image mask = filled(64, 64, 1, 0);
  paste(mask, filled(24, 24, 1, 255), 8, 16);
  r.mask = std::make_shared<Image>(mask);
  const std::string what = "encoded pictures";
  EXPECT_EQ(told(r, what), "0 of 2 from the cache");
  EXPECT_EQ(told(r, what), "2 of 2 from the cache");
  paste(mask, filled(8, 8, 1, 255), 48, 48);
  r.mask = std::make_shared<Image>(mask);
  EXPECT_EQ(told(r, what), "1 of 2 from the cache");
}

}  // namespace
}  // namespace imagent::test
